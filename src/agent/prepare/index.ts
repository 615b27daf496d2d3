import path from 'node:path';
import type { Logger } from 'pino';
import type { Attempt, MachinePhase } from '../../contract/agent-report.ts';
import type { DiskPlan } from '../../contract/disk-plan.ts';
import type { DiskRecord } from '../../contract/disk-record.ts';
import { MAIN_CONTAINER } from '../../contract/pod.ts';
import { createOpenDisk, type OpenDisk } from '../disk/open-disk.ts';
import { reportedDisk } from '../disk/record.ts';
import { ensureReserve, makeRoomToStart } from '../disk/reserve.ts';
import { volumeOf } from '../disk/volume.ts';
import { type VolumeFiles, volumeFiles } from '../disk/volume-files.ts';
import type { AgentEnvironment, AgentPaths, Clock } from '../environment.ts';
import type { Failure } from '../failure.ts';
import { readPlan, type Variables } from '../plan.ts';
import type { ReportState } from '../report-state.ts';
import type { PrepareContext, Programs } from './context.ts';
import { decideDamage } from './damage.ts';
import { type ExistingDisk, lookAtDisk } from './existing-disk.ts';
import { importCommand } from './import-command.ts';
import { type Legacy, legacyOf } from './legacy.ts';
import { quarantineDisk } from './quarantine.ts';
import { recoverPublication } from './recover.ts';
import { builtinSource } from './sources/builtin.ts';
import { importProgress, importSource } from './sources/import.ts';
import { snapshotSource } from './sources/snapshot.ts';
import { prepareFromSources, type Sources } from './stage.ts';
import { takeVolumeLock, volumeFailure } from './take-lock.ts';
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
 * 2. end an interrupted publication (recover.ts); look at the disk that is there (existing-disk.ts, adopt.ts)
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
  report.update({ phase: 'Preparing', message: 'The disk is being prepared.', reason: undefined });
  const lock = await takeVolumeLock(context);
  if (lock === null) return null;
  const sources = sourcesOf(context);
  for (let failures = 0; !signal.aborted; ) {
    const before = await inputsOf(context);
    const started = context.clock.now();
    const outcome = await attemptOrFailure(context, sources);
    if (outcome.kind === 'Ready') {
      reportReady(context, outcome, started);
      return createOpenDisk(files, volume, lock, outcome.record);
    }
    if (signal.aborted) break;
    reportWaiting(context, outcome);
    const changed = await waitForChange(context, waitMilliseconds(outcome, failures, context), before, () =>
      showImport(context, outcome),
    );
    failures = changed ? 0 : failures + 1;
  }
  await lock.release();
  return null;
}

type Outcome =
  | { readonly kind: 'Ready'; readonly record: DiskRecord; readonly attempts: readonly Attempt[] }
  | {
      readonly kind: 'NotYet';
      readonly phase: MachinePhase;
      readonly failure: Failure;
      readonly attempts: readonly Attempt[];
    };

async function attemptOrFailure(context: PrepareContext, sources: Sources): Promise<Outcome> {
  try {
    return await attempt(context, sources);
  } catch (error) {
    // Anything the steps don't know: a failing volume. It is reported and tried again; a crash would hide it.
    if (!context.signal.aborted) context.log.error({ err: error }, 'An attempt to prepare the disk failed');
    return { kind: 'NotYet', phase: 'DiskFailed', failure: volumeFailure(error), attempts: [] };
  }
}

async function attempt(context: PrepareContext, sources: Sources): Promise<Outcome> {
  const { files, volume, paths, variables, log } = context;
  await makeRoomToStart(files, volume);
  await files.makeFolder(volume.staging);
  const recovered = await recoverPublication(files, volume);
  if (recovered !== 'None') log.info({ recovered }, 'Ended an interrupted publication');
  const plan = await readPlan(paths.plan, variables);
  if (!plan.ok) return notYet(plan.failure);
  const existing = await lookAtDisk(context, plan.value);
  switch (existing.kind) {
    case 'Unusable':
      return notYet(existing.failure);
    case 'Usable':
      return settled(context, plan.value, existing.record, []);
    case 'Refill':
      log.info('The machine was not left clean: its ephemeral disk is made anew');
      await removeDisk(context);
      return fill(context, plan.value, sources, {});
    case 'Damaged':
      return replaceDamaged(context, plan.value, sources, existing);
    case 'Absent':
      return fill(context, plan.value, sources, existing.legacy);
  }
}

/** A broken disk of ours: left, made anew, or put aside for another, as the plan says. */
async function replaceDamaged(
  context: PrepareContext,
  plan: DiskPlan,
  sources: Sources,
  { record, failure }: Extract<ExistingDisk, { kind: 'Damaged' }>,
): Promise<Outcome> {
  const { log, volume, report } = context;
  const decision = decideDamage(plan, record, failure, volume.disk);
  switch (decision.kind) {
    case 'Leave':
      return notYet(decision.failure);
    case 'Refill':
      log.warn(failure, 'The ephemeral disk is damaged: it is made anew');
      await removeDisk(context);
      return fill(context, plan, sources, {});
    case 'Quarantine': {
      const predecessor = await quarantineDisk(context, record, failure);
      const message = `The disk was damaged and lies in quarantine now (${predecessor.path}): ${failure.message}`;
      log.warn({ id: record.id, predecessor }, message);
      report.update({ reason: failure.reason, message, disk: undefined });
      return fill(context, plan, sources, await legacyOf(context, plan, record));
    }
  }
}

/** Steps 3 to 6. */
async function fill(context: PrepareContext, plan: DiskPlan, sources: Sources, legacy: Legacy): Promise<Outcome> {
  const pass = await prepareFromSources(context, plan, sources, legacy);
  if (pass.kind === 'Published') return settled(context, plan, pass.record, pass.attempts);
  const { phase, failure, attempts } = pass;
  return { kind: 'NotYet', phase, failure: tellingOf(legacy, failure), attempts };
}

/** A machine that waits for its next disk must say where the one before is. The line to paste stays at the end. */
function tellingOf({ predecessor }: Legacy, { reason, message }: Failure): Failure {
  if (predecessor === undefined) return { reason, message };
  return { reason, message: `The damaged disk (${predecessor.reason}) is kept at ${predecessor.path}. ${message}` };
}

function notYet(failure: Failure): Outcome {
  return { kind: 'NotYet', phase: 'DiskFailed', failure, attempts: [] };
}

/** The disk goes first: without its record, a disk would count as one that the user put there. */
async function removeDisk({ files, volume }: PrepareContext): Promise<void> {
  await files.remove(volume.disk);
  await files.syncFolder(volume.root);
  await files.remove(volume.record);
  await files.syncFolder(volume.folder);
}

/** With a disk in place nothing in the staging folder is needed, and what is free now may go into the reserve. */
async function settled(
  { files, volume, log }: PrepareContext,
  { mode }: DiskPlan,
  record: DiskRecord,
  attempts: readonly Attempt[],
): Promise<Outcome> {
  for (const name of await files.list(volume.staging)) await files.remove(path.join(volume.staging, name));
  // An Ephemeral machine's volume has a limit that is computed for it, and the disk is lost anyway.
  if (mode !== 'Ephemeral') {
    const reserve = await ensureReserve(files, volume);
    if (reserve.kind === 'NoRoom') log.warn(reserve, 'There is no room for the reserve');
  }
  return { kind: 'Ready', record, attempts };
}

function reportReady(
  { report, log, clock }: PrepareContext,
  { record, attempts }: Extract<Outcome, { kind: 'Ready' }>,
  started: number,
): void {
  const seconds = Math.round((clock.now() - started) / 100) / 10;
  const passed = attempts.map(({ source, reason }) => `${source} (${reason})`).join(', ');
  report.update({
    phase: 'DiskReady',
    reason: undefined,
    progress: undefined,
    message: `The disk is ready: ${record.source.description}${passed === '' ? '' : `; passed over: ${passed}`}.`,
    attempts: [...attempts],
    disk: reportedDisk(record),
  });
  const { origin, source, sizeBytes, sha256 } = record;
  log.info({ origin, source, sizeBytes, sha256, seconds, attempts }, 'The disk is ready');
}

function reportWaiting({ report, log }: PrepareContext, outcome: Extract<Outcome, { kind: 'NotYet' }>): void {
  const { phase, failure, attempts } = outcome;
  const isNews = report.current.phase !== phase || report.current.message !== failure.message;
  report.update({ phase, ...failure, progress: undefined, attempts: [...attempts] });
  if (isNews) log.warn({ phase, ...failure }, 'The disk is not ready');
}

/** While a person's disk comes in, its bytes so far. */
async function showImport(context: PrepareContext, outcome: Outcome): Promise<void> {
  const { report, files, volume } = context;
  if (outcome.kind !== 'NotYet' || outcome.phase !== 'AwaitingDisk') return;
  try {
    const doneBytes = await importProgress(files, volume);
    report.update({ progress: doneBytes === undefined ? undefined : { step: 'Importing', doneBytes } });
  } catch (error) {
    reportWaiting(context, { ...outcome, phase: 'DiskFailed', failure: volumeFailure(error) });
  }
}

const SNAPSHOT_MILLISECONDS = 5000;
const DISK_MILLISECONDS = 30_000;

function waitMilliseconds(outcome: Outcome, failures: number, { random }: PrepareContext): number {
  if (outcome.kind === 'NotYet' && outcome.phase === 'AwaitingSnapshot') return SNAPSHOT_MILLISECONDS;
  if (outcome.kind === 'NotYet' && outcome.phase === 'AwaitingDisk') return DISK_MILLISECONDS;
  return backoffMilliseconds(failures, random);
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
