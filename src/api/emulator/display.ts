import { z } from 'zod';
import { dataKey, labelValue, objectName } from '../field.ts';
import { rules } from '../rule.ts';

const passwordSecretSchema = z
  .object({
    name: objectName('Name of the Secret, in the namespace of the Emulator.', 'a Secret'),
    key: dataKey('Key in it that holds the password: 1 to 8 bytes, since VNC looks at no more.'),
  })
  .meta({
    description:
      'The password of the VNC screens, in a Secret of your own. Left out: the operator makes one, in <emulator>-vnc.',
  });

const selector = (description: string) =>
  z
    .object({
      // Without a default: a selector of a form that is not known here would lose what is in it, and select everyone.
      matchLabels: z
        .record(z.string(), labelValue)
        .meta({ description: 'Labels that all have to be there. {} is everyone.', maxProperties: 16 }),
    })
    .optional()
    .meta({ description });

/** Long enough for an IPv6 network with an IPv4 tail. */
const LONGEST_NETWORK = 49;

const network = (description: string) =>
  z
    .string()
    .max(LONGEST_NETWORK)
    .meta({
      description,
      ...rules({
        rule: 'isCIDR(self)',
        message: 'must be a network, such as 192.168.1.0/24, or 192.168.1.7/32 for a single address',
      }),
    });

const ipBlockSchema = z
  .object({
    cidr: network('Network from which the screens may be reached.'),
    except: z
      .array(network('A part of it from which they may not.'))
      .max(16)
      .default([])
      .meta({ description: 'Parts of that network which are left out.' }),
  })
  .optional()
  .meta({
    description: 'Addresses outside the cluster. Where these are translated on the way, a node is what is seen.',
    ...rules({
      rule: '!isCIDR(self.cidr) || !has(self.except) || self.except.all(part, !isCIDR(part) || (cidr(self.cidr).containsCIDR(part) && cidr(part).prefixLength() > cidr(self.cidr).prefixLength()))',
      message: 'display.access: each network of ipBlock.except must be a smaller part of ipBlock.cidr',
      fieldPath: '.except',
    }),
  });

const peerSchema = z
  .object({
    podSelector: selector(
      "Pods, by their labels: of the Emulator's own namespace, or of those that namespaceSelector says.",
    ),
    namespaceSelector: selector('Namespaces, by their labels: all their pods, or those that podSelector says.'),
    ipBlock: ipBlockSchema,
  })
  .meta({
    ...rules({
      rule: 'has(self.ipBlock) != (has(self.podSelector) || has(self.namespaceSelector))',
      message:
        'each entry of display.access needs either ipBlock, or podSelector, namespaceSelector or both: set one of these two kinds, and make an entry of its own for the other',
    }),
  });

/** How people get at the screens. */
export const displaySchema = z
  .object({
    vnc: z.object({ passwordSecretRef: passwordSecretSchema.optional() }).prefault({}).meta({
      description:
        'The VNC screens. VNC encrypts nothing: use kubectl port-forward where the network is not yours alone.',
    }),
    access: z
      .array(peerSchema)
      .max(16)
      .default([{ podSelector: { matchLabels: {} } }])
      .meta({
        description:
          "From where the screens may be reached over the network, as in a NetworkPolicy; any of the entries. Left out: from the pods of the Emulator's own namespace. Empty: from nowhere. kubectl port-forward passes by it. It takes a network plugin that enforces NetworkPolicies.",
      }),
  })
  .meta({ description: "How to get at the machines' screens." });
