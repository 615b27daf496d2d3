import type { Logger } from 'pino';
import { MAIN_CONTAINER } from '../../contract/pod.ts';
import { keepReport } from '../disk/kept-report.ts';
import { createOpenDisk, type OpenDisk } from '../disk/open-disk.ts';
import { volumeOf } from '../disk/volume.ts';
import { type VolumeFiles, volumeFiles } from '../disk/volume-files.ts';
import type { AgentEnvironment, AgentPaths, Clock } from '../environment.ts';
import type { Variables } from '../plan.ts';
import type { ReportState } from '../report-state.ts';
import { importWatch, reportReady, reportWaiting } from './announce.ts';
import { attemptOrFailure, type Outcome } from './attempt.ts';
import type { PrepareContext, Programs } from './context.ts';
import { importCommand } from './import-command.ts';
import { builtinSource } from './sources/builtin.ts';
import { importSource } from './sources/import.ts';
import { snapshotSource } from './sources/snapshot.ts';
import type { Sources } from './stage.ts';
import { takeVolumeLock } from './take-lock.ts';
import { backoffMilliseconds, inputsOf, waitForChange } from './wait.ts';

export interface OpenDiskOptions {
  readonly environment: Pick<AgentEnvironment, 'podName' | 'podNamespace' | 'podUid'>;
  readonly paths: AgentPaths;
  readonly report: ReportState;
  readonly clock: Clock;
  readonly log: Logger;
  /** Aborts the preparation; at whatever moment, the volume is as if it had been killed then. */
  readonly signal: AbortSignal;
  /** The process's environment: where no plan is mounted, the plan is made from it. */
  readonly variables: Variables;
  /** The container that this runs in; the main one unless told. */
  readonly container?: string;
  readonly programs?: Programs;
  readonly files?: VolumeFiles;
  readonly random?: () => number;
}

/**
 * Brings a verified disk onto the volume, or finds that it is there, and opens it under the volume's lock. Idempotent,
 * and crash-safe at every instruction. Goes on trying until there is a disk: what is put right is seen by itself.
 *
 * 1. take the lock (take-lock.ts)
 * 2. end an interrupted publication (recover.ts); look at the disk that is there (existing-disk.ts, adopt.ts,
 *    check-recorded.ts), put a damaged one aside if the plan says so (damage.ts, quarantine.ts)
 * 3. choose the source (choose-sources.ts), preflight the space
 * 4. stage (sources/)
 * 5. inspect (stage.ts, ../disk/inspect.ts)
 * 6. publish (publish.ts)
 * 7. report
 *
 * @returns null when the signal aborted
 */
export async function openDisk(options: OpenDiskOptions): Promise<OpenDisk | null> {
  const context = contextOf(options);
  const { report, signal, files, volume } = context;
  const begin = () => report.update({ phase: 'Preparing', message: 'The disk is being prepared.', reason: undefined });
  begin();
  const lock = await takeVolumeLock(context);
  if (lock === null) return null;
  // Whoever had the volume meanwhile has ended.
  begin();
  const endReport = keepReport(context);
  const release = async () => {
    await endReport();
    await lock.release();
  };
  const sources = sourcesOf(context);
  const showImport = importWatch(context);
  for (let failures = 0; !signal.aborted; ) {
    const before = await inputsOf(context);
    const started = context.clock.now();
    const outcome = await attemptOrFailure(context, sources);
    if (outcome.kind === 'Ready') {
      reportReady(context, outcome, started);
      return createOpenDisk(files, volume, { ...lock, release }, outcome.record);
    }
    if (signal.aborted) break;
    reportWaiting(context, outcome);
    const changed = await waitForChange(context, waitMilliseconds(outcome, failures, context), before, () =>
      showImport(outcome),
    );
    failures = changed ? 0 : failures + 1;
  }
  await release();
  return null;
}

const SNAPSHOT_MILLISECONDS = 5000;
const DISK_MILLISECONDS = 30_000;
/** What was written to is judged soon after it came to rest. */
const CHANGING_MILLISECONDS = 5000;

function waitMilliseconds(outcome: Outcome, failures: number, { random }: PrepareContext): number {
  if (outcome.kind === 'NotYet' && outcome.phase === 'AwaitingSnapshot') return SNAPSHOT_MILLISECONDS;
  if (outcome.kind === 'NotYet' && outcome.phase === 'AwaitingDisk') return DISK_MILLISECONDS;
  const backoff = backoffMilliseconds(failures, random);
  const isChanging = outcome.kind === 'NotYet' && outcome.failure.reason === 'DiskChanging';
  return isChanging ? Math.min(backoff, CHANGING_MILLISECONDS) : backoff;
}

function contextOf(options: OpenDiskOptions): PrepareContext {
  return {
    container: MAIN_CONTAINER,
    programs: { qemuImg: 'qemu-img', oras: 'oras' },
    files: volumeFiles,
    random: Math.random,
    ...options,
    volume: volumeOf(options.paths.disk),
  };
}

function sourcesOf(context: PrepareContext): Sources {
  const { files, volume, clock } = context;
  return {
    Builtin: builtinSource(files, volume),
    Snapshot: snapshotSource(context),
    Import: importSource(files, volume, clock, importCommand(context)),
  };
}
