import { z } from 'zod';
import { diskOriginSchema, lastCheckSchema, lastStopSchema, predecessorSchema } from './disk-record.ts';

/**
 * Where a machine is on its way. Init container: `Preparing` (copying or checking), `AwaitingDisk` (an import is
 * needed), `AwaitingSnapshot` (the operator hasn't resolved the reference yet), `DiskFailed` (tried, failed, goes on
 * trying), `DiskReady`. Main container: `Starting`, `Running`, `Paused`, `PoweredOff` (the guest switched itself off
 * and stays off), `Stopping`, `Stopped`.
 */
export const machinePhaseSchema = z.enum([
  'Preparing',
  'AwaitingDisk',
  'AwaitingSnapshot',
  'DiskFailed',
  'DiskReady',
  'Starting',
  'Running',
  'Paused',
  'PoweredOff',
  'Stopping',
  'Stopped',
]);

export type MachinePhase = z.infer<typeof machinePhaseSchema>;

/** What a machine says of its own disk; absent while there is none. */
export const reportedDiskSchema = z.object({
  /** The record's id. */
  id: z.string(),
  origin: diskOriginSchema,
  /** Digest of the snapshot's manifest for `Snapshot`, else `sha256:` of the file as it was published. */
  digest: z.string(),
  sizeBytes: z.int(),
  preparedAt: z.string(),
  lastCheck: lastCheckSchema.optional(),
  lastStop: lastStopSchema.optional(),
  predecessor: predecessorSchema.optional(),
});

/**
 * How far the preparation is. `totalBytes`, and `percent` and `secondsLeft` with it, are absent while unknown (an
 * import from standard input); the rate is of the last seconds, and absent until there is one.
 */
export const progressSchema = z.object({
  step: z.enum(['Copying', 'Pulling', 'Importing', 'Checking', 'Publishing']),
  doneBytes: z.int(),
  totalBytes: z.int().optional(),
  percent: z.int().min(0).max(100).optional(),
  bytesPerSecond: z.int().min(0).optional(),
  secondsLeft: z.int().min(0).optional(),
});

/** A source that was tried and not used, and why. */
export const attemptSchema = z.object({
  source: z.enum(['Builtin', 'Snapshot', 'Import']),
  reason: z.string(),
  message: z.string(),
});

/** What `GET /status` of the agent answers, and each line of `GET /status?watch=true` (newline-delimited JSON). */
export const agentReportSchema = z.object({
  schemaVersion: z.literal(1),
  podUid: z.string(),
  phase: machinePhaseSchema,
  /** A CamelCase word for what stands in the way, when something does. */
  reason: z.string().optional(),
  /** For people: what is going on and what to do. */
  message: z.string(),
  /** True when the machine is running behind a reachable screen that has come up. */
  ready: z.boolean(),
  disk: reportedDiskSchema.optional(),
  progress: progressSchema.optional(),
  attempts: z.array(attemptSchema).max(8),
  machine: z.object({ type: z.string(), macAddress: z.string(), qemuVersion: z.string() }).optional(),
});

export type AgentReport = z.infer<typeof agentReportSchema>;
export type ReportedDisk = z.infer<typeof reportedDiskSchema>;
export type Progress = z.infer<typeof progressSchema>;
export type Attempt = z.infer<typeof attemptSchema>;

/** Reports are cut to this many bytes in the termination message: Kubernetes keeps 4,096 and leaves broken JSON. */
export const TERMINATION_MESSAGE_BYTES = 3072;
