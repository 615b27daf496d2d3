import { z } from 'zod';

/** A name of a Kubernetes object. */
const objectName = z
  .string()
  .regex(/^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$/)
  .max(253);

/** A reference of an image. */
export const imageReference = z.string().max(512);

/** The digest that an image must have; empty: whatever its tag names. */
export const imageDigest = z.string().regex(/^(sha256:[0-9a-f]{64})?$/);

const labels = z.record(z.string(), z.string());
const quantities = z.record(z.string(), z.union([z.string(), z.number()]));
const port = z.int().min(1).max(65535);
const cidr = z.string().regex(/^[0-9a-fA-F.:]+\/\d{1,3}$/);

/** A peer of a NetworkPolicy. */
const peer = z.strictObject({
  ipBlock: z.strictObject({ cidr, except: z.array(cidr).optional() }).optional(),
  namespaceSelector: z.looseObject({}).optional(),
  podSelector: z.looseObject({}).optional(),
});

const networkPolicySchema = z.strictObject({
  enabled: z.boolean(),
  apiServer: z.strictObject({ cidrs: z.array(cidr), ports: z.array(port).min(1) }),
  dns: z.strictObject({ to: z.array(peer), ports: z.array(port).min(1) }),
  registries: z.strictObject({ cidrs: z.array(cidr), ports: z.array(port) }),
  metricsFrom: z.array(peer),
});

const topologySpreadSchema = z.strictObject({
  maxSkew: z.int().min(1),
  topologyKey: z.string().min(1).max(316),
  whenUnsatisfiable: z.enum(['ScheduleAnyway', 'DoNotSchedule']),
});

/** The values' `operator` block. */
export const operatorValuesSchema = z.strictObject({
  image: imageReference,
  imageDigest,
  imagePullPolicy: z.enum(['Always', 'IfNotPresent', 'Never']),
  imagePullSecrets: z.array(objectName),
  replicas: z.int().min(1).max(5),
  podDisruptionBudget: z.strictObject({
    // Not 0: a drain would wait for ever.
    maxUnavailable: z.union([z.int().min(1), z.string().regex(/^(100|[1-9][0-9]?)%$/)]),
  }),
  priorityClassName: z.union([z.literal(''), objectName]),
  topologySpreadConstraints: z.array(topologySpreadSchema),
  logLevel: z.enum(['debug', 'info', 'warn', 'error']),
  traces: z.strictObject({ endpoint: z.string().regex(/^(https?:\/\/\S+)?$/) }),
  resources: z.strictObject({ requests: quantities.optional(), limits: quantities.optional() }),
  nodeSelector: labels,
  tolerations: z.array(z.looseObject({})),
  affinity: z.looseObject({}),
  networkPolicy: networkPolicySchema,
  crds: z.strictObject({ upgrade: z.boolean(), allowRemovedFields: z.boolean() }),
});

/** The values' `monitoring` block. */
export const monitoringValuesSchema = z.strictObject({
  serviceMonitor: z.strictObject({
    enabled: z.boolean(),
    labels,
    interval: z.string().regex(/^([0-9]+(ms|s|m|h))*$/),
  }),
  prometheusRule: z.strictObject({
    enabled: z.boolean(),
    labels,
    runbookUrl: z.string().regex(/^https?:\/\/\S+$/),
    disabled: z.array(z.string()),
  }),
  dashboard: z.strictObject({ enabled: z.boolean(), labels }),
});
