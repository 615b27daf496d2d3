import { z } from 'zod';

const sha256Digest = z.string().regex(/^sha256:[0-9a-f]{64}$/);

/** Where a snapshot is; `digest` is absent until the operator has resolved the reference and pinned it. */
export const snapshotPlanSchema = z.object({
  /** As the user wrote it: `registry/repository:tag` or `registry/repository@sha256:…`. */
  reference: z.string(),
  digest: sha256Digest.optional(),
  /** Path of the disk inside an image's layers, where there are several candidates. */
  path: z.string().optional(),
  plainHTTP: z.boolean(),
  /** Why the reference isn't resolved yet, for people; shown by a machine that waits for it. */
  unresolved: z.string().optional(),
});

/**
 * What a machine's disk is made from: the key `plan.json` of the ConfigMap `<emulator>-plan`, mounted at
 * `/etc/loco/plan/plan.json`. It isn't part of the pod template, so pinning a digest replaces no pod.
 */
export const diskPlanSchema = z.object({
  schemaVersion: z.literal(1),
  mode: z.enum(['Persistent', 'Hybrid', 'Ephemeral']),
  source: z.enum(['Auto', 'Builtin', 'Snapshot', 'Import']),
  builtinPath: z.string(),
  snapshot: snapshotPlanSchema.optional(),
  /**
   * What becomes of a disk that is found damaged: `Fail` leaves it where it is, and the machine waits for a person;
   * `Reprovision` moves it into `.loco/quarantine/` and fills the volume anew.
   */
  onCorruption: z.enum(['Fail', 'Reprovision']).default('Fail'),
  /** Bytes that an Ephemeral volume may hold before its pod is evicted; absent for PVCs, which become full instead. */
  volumeLimitBytes: z.int().positive().optional(),
});

export type DiskPlan = z.infer<typeof diskPlanSchema>;
export type SnapshotPlan = z.infer<typeof snapshotPlanSchema>;
