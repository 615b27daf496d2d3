import { z } from 'zod';
import { compareQuantity, labelValue, optionalObjectName } from '../field.ts';
import { GROUP } from '../group.ts';
import { rules } from '../rule.ts';

/** Labels by which the operator and the StatefulSet find the pods. */
const OWN_LABELS = ['name', 'instance', 'managed-by'].map((name) => `app.kubernetes.io/${name}`);

/** Written as a text or, as everywhere in Kubernetes, as a bare number; read as a text. */
const amount = z
  .union([z.string(), z.int()])
  .transform(String)
  .meta({
    maxLength: 32,
    'x-kubernetes-int-or-string': true,
    ...rules({
      rule: "isQuantity(string(self)) && quantity(string(self)).compareTo(quantity('0')) >= 0",
      message: 'must be an amount, not below zero, such as 2, 500m or 1Gi',
    }),
  });

const resourceList = (description: string) =>
  z.record(z.string(), amount).meta({ description, maxProperties: 16 }).optional();

const resourcesSchema = z
  .object({
    requests: resourceList('What the scheduler sets aside for each machine.'),
    limits: resourceList('What each machine may use at most.'),
  })
  .meta({
    ...rules({
      rule: `!('memory' in self.?limits.orValue({})) || !('memory' in self.?requests.orValue({})) || ${compareQuantity("string(self.limits['memory'])", '==', "string(self.requests['memory'])")}`,
      message:
        "a machine's memory is set aside for it in full, so its request and its limit are the same: set pod.resources.limits.memory alone, or leave both out and let the operator compute them",
      fieldPath: '.requests',
    }),
  });

/** A number of machines, or a share of them: as Kubernetes takes it in a PodDisruptionBudget. */
const maxUnavailableSchema = z
  .union([z.int(), z.string()])
  .default(1)
  .meta({
    description:
      'How many machines may be away at a time because a node is drained or the cluster makes room: a number, or a share such as "50%", rounded up. 0 holds every drain until somebody stops the machines. Machines that are not ready hold back nothing. The operator makes a PodDisruptionBudget of it where that keeps any machine: a single one that may be away needs none.',
    maxLength: 4,
    'x-kubernetes-int-or-string': true,
    ...rules({
      rule: "type(self) == int ? self >= 0 && self <= 100 : string(self).matches('^0*(100|[1-9]?[0-9])%$')",
      message: 'must be a number of machines from 0 to 100, or a share of them from "0%" to "100%"',
    }),
  });

/** Objects of Kubernetes that are handed on as they are, and checked when the pod is made. */
const passedOn = z.looseObject({});

export const podSchema = z
  .object({
    labels: z
      .record(z.string(), labelValue)
      .default({})
      .meta({
        description: "Labels of the pods, besides the operator's own.",
        maxProperties: 32,
        ...rules({
          rule: `!self.exists(key, key in [${OWN_LABELS.map((label) => `'${label}'`).join(', ')}])`,
          message: `must not set ${OWN_LABELS.join(', ')}, by which the operator finds its pods: remove them, and use labels of your own`,
          reason: 'FieldValueForbidden',
        }),
      }),
    annotations: z
      .record(z.string(), z.string().max(4096))
      .default({})
      .meta({
        description: "Annotations of the pods, besides the operator's own.",
        maxProperties: 32,
        ...rules({
          rule: `!self.exists(key, key.startsWith('${GROUP}/'))`,
          message: `must not set annotations that begin with ${GROUP}/, which are the operator's: remove them`,
          reason: 'FieldValueForbidden',
        }),
      }),
    resources: resourcesSchema.prefault({}).meta({
      description:
        'Resources of each machine. Memory is computed from machine.memory and what QEMU needs, as request and limit alike; give it only to make it larger, since a smaller one would have the machine killed.',
    }),
    nodeSelector: z
      .record(z.string(), labelValue)
      .default({})
      .meta({ description: 'Labels that a node must have to run the machines.', maxProperties: 32 }),
    tolerations: z
      .array(passedOn)
      .max(64)
      .default([])
      .meta({ description: 'Taints of nodes that the machines put up with, as in a pod.' }),
    affinity: passedOn.default({}).meta({ description: 'Where the machines would rather or must run, as in a pod.' }),
    topologySpreadConstraints: z
      .array(passedOn)
      .max(16)
      .default([])
      .meta({ description: 'How the machines are spread over nodes and zones, as in a pod.' }),
    maxUnavailable: maxUnavailableSchema,
    priorityClassName: optionalObjectName(
      'Priority class of the pods; empty: that of the cluster.',
      'a PriorityClass',
    ).default(''),
    runtimeClassName: optionalObjectName(
      'Runtime class of the pods; empty: that of the node.',
      'a RuntimeClass',
    ).default(''),
  })
  .meta({
    description: "What goes into the machines' pods as it is. Changes take effect when a machine's pod is replaced.",
  });
