import { z } from 'zod';

const localObjectReference = z.object({ name: z.string().min(1).max(253) });
const quantity = z
  .string()
  .regex(/^[0-9]+(\.[0-9]+)?(Ki|Mi|Gi|Ti|k|M|G|T)?$/)
  .max(32);

const storageSchema = z.object({
  mode: z.enum(['Persistent', 'Hybrid', 'Ephemeral']),
  /** Size of each machine's volume. Never shrinks. */
  size: quantity.default('4Gi'),
  storageClassName: z.string().max(253).optional(),
  accessMode: z.enum(['ReadWriteOnce', 'ReadWriteOncePod']).default('ReadWriteOnce'),
  /** PVCs are called `<claimTemplateName>-<emulator>-<ordinal>`. */
  claimTemplateName: z.string().min(1).max(63).default('win98-disk'),
  existingClaim: localObjectReference.optional(),
  retention: z
    .object({
      whenDeleted: z.enum(['Retain', 'Delete']).default('Retain'),
      whenScaled: z.enum(['Retain', 'Delete']).default('Retain'),
    })
    .prefault({}),
});

const diskSchema = z.object({
  source: z.enum(['Auto', 'Builtin', 'Snapshot', 'Import']).default('Auto'),
  builtinPath: z.string().min(1).max(1024).default('/opt/builtin-images/win98.qcow2.builtin'),
  snapshot: z
    .object({
      reference: z.string().min(1).max(512),
      path: z.string().max(1024).optional(),
      pullSecretRef: localObjectReference.optional(),
      registry: z
        .object({
          plainHTTP: z.boolean().default(false),
          caBundleRef: z.object({ name: z.string().min(1).max(253), key: z.string().min(1).max(253) }).optional(),
        })
        .prefault({}),
    })
    .optional(),
});

const machineSchema = z.object({
  type: z.string().max(64).default(''),
  cpu: z.string().min(1).max(64).default('pentium2'),
  memory: quantity.default('512Mi'),
  acceleration: z.enum(['TCG', 'KVM']).default('TCG'),
  kvmResourceName: z.string().max(253).default(''),
  video: z.enum(['std', 'cirrus', 'vmware']).default('std'),
  sound: z.enum(['sb16', 'es1370', 'none']).default('sb16'),
  nic: z.enum(['ne2k_pci', 'pcnet', 'rtl8139', 'none']).default('ne2k_pci'),
  timeZone: z.string().min(1).max(64).default('UTC'),
  pointer: z.enum(['PS2', 'USBTablet']).default('PS2'),
  extraArgs: z.array(z.string().max(1024)).max(64).default([]),
});

export const emulatorSpecSchema = z.object({
  replicas: z.int().min(0).max(100).default(1),
  powerState: z.enum(['Running', 'Stopped']).default('Running'),
  managementPolicy: z.enum(['Managed', 'Unmanaged']).default('Managed'),
  /** Absent: the image of the operator's own release. */
  image: z.string().min(1).max(512).optional(),
  imagePullPolicy: z.enum(['Always', 'IfNotPresent', 'Never']).default('IfNotPresent'),
  imagePullSecrets: z.array(localObjectReference).max(16).default([]),
  storage: storageSchema,
  disk: diskSchema.prefault({}),
  machine: machineSchema.prefault({}),
  display: z
    .object({
      vnc: z
        .object({
          passwordSecretRef: z.object({ name: z.string().min(1).max(253), key: z.string().min(1).max(253) }).optional(),
        })
        .prefault({}),
    })
    .prefault({}),
  shutdown: z
    .object({
      gracePeriodSeconds: z.int().min(5).max(3600).default(90),
      onGuestPowerOff: z.enum(['Restart', 'Stay']).default('Restart'),
    })
    .prefault({}),
  readiness: z.object({ screen: z.enum(['Graphics', 'Any']).default('Graphics') }).prefault({}),
  pod: z
    .object({
      labels: z.record(z.string(), z.string()).default({}),
      annotations: z.record(z.string(), z.string()).default({}),
      resources: z
        .object({
          requests: z.record(z.string(), z.string()).optional(),
          limits: z.record(z.string(), z.string()).optional(),
        })
        .default({}),
      nodeSelector: z.record(z.string(), z.string()).default({}),
      tolerations: z.array(z.looseObject({})).max(64).default([]),
      affinity: z.looseObject({}).default({}),
      topologySpreadConstraints: z.array(z.looseObject({})).max(16).default([]),
      priorityClassName: z.string().max(253).default(''),
      runtimeClassName: z.string().max(253).default(''),
    })
    .prefault({}),
});

export const conditionSchema = z.object({
  type: z.string().max(316),
  status: z.enum(['True', 'False', 'Unknown']),
  reason: z.string().max(1024),
  message: z.string().max(32768),
  observedGeneration: z.int().min(0).optional(),
  lastTransitionTime: z.iso.datetime(),
});

const machineStatusSchema = z.object({
  ordinal: z.int().min(0),
  pod: z.string(),
  /** The agent's phase, or `Pending` before its first report. */
  phase: z.string(),
  ready: z.boolean(),
  disk: z
    .object({
      id: z.string(),
      origin: z.enum(['Builtin', 'Snapshot', 'Imported']),
      digest: z.string(),
      sizeBytes: z.int(),
      preparedAt: z.string(),
      lastCheck: z.object({ at: z.string(), result: z.string() }).optional(),
      lastStop: z.object({ kind: z.string(), at: z.string(), message: z.string() }).optional(),
    })
    .optional(),
  progress: z.object({ step: z.string(), doneBytes: z.int(), totalBytes: z.int().optional() }).optional(),
  message: z.string(),
});

export const emulatorStatusSchema = z.object({
  observedGeneration: z.int().min(0).optional(),
  /** Pods there are. */
  replicas: z.int().min(0).optional(),
  readyReplicas: z.int().min(0).optional(),
  /** `ready/desired`, for the columns. */
  readyMachines: z.string().optional(),
  /** Label selector of the pods, for the scale subresource. */
  selector: z.string().optional(),
  conditions: z.array(conditionSchema).max(16).optional(),
  snapshot: z.object({ reference: z.string(), digest: z.string() }).optional(),
  diskOrigin: z.enum(['Builtin', 'Snapshot', 'Imported', 'Mixed']).optional(),
  machines: z.array(machineStatusSchema).max(100).optional(),
});

export const emulatorSchema = z.object({
  apiVersion: z.string(),
  kind: z.literal('Emulator'),
  metadata: z.looseObject({
    name: z.string(),
    namespace: z.string(),
    uid: z.string(),
    generation: z.int().optional(),
    resourceVersion: z.string().optional(),
    deletionTimestamp: z.string().optional(),
    annotations: z.record(z.string(), z.string()).optional(),
    labels: z.record(z.string(), z.string()).optional(),
  }),
  spec: emulatorSpecSchema,
  status: emulatorStatusSchema.optional(),
});

export type Emulator = z.infer<typeof emulatorSchema>;
export type EmulatorSpec = z.infer<typeof emulatorSpecSchema>;
export type EmulatorStatus = z.infer<typeof emulatorStatusSchema>;
export type MachineStatus = z.infer<typeof machineStatusSchema>;
export type Condition = z.infer<typeof conditionSchema>;
