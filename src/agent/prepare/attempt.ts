import path from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import type { Attempt, MachinePhase } from '../../contract/agent-report.ts';
import type { DiskPlan } from '../../contract/disk-plan.ts';
import type { DiskRecord } from '../../contract/disk-record.ts';
import { ensureReserve, makeRoomToStart } from '../disk/reserve.ts';
import type { FileFacts } from '../disk/volume-files.ts';
import type { Failure } from '../failure.ts';
import { readPlan } from '../plan.ts';
import { isAtRest } from './at-rest.ts';
import type { PrepareContext } from './context.ts';
import { decideDamage } from './damage.ts';
import { type ExistingDisk, lookAtDisk } from './existing-disk.ts';
import { type Legacy, legacyOf } from './legacy.ts';
import { isLink, quarantineDisk } from './quarantine.ts';
import { recoverPublication } from './recover.ts';
import { removeDeadImports } from './sources/import.ts';
import { prepareFromSources, type Sources } from './stage.ts';
import { volumeFailure } from './take-lock.ts';

/** How an attempt to have a verified disk on the volume ended. */
export type Outcome =
  | { readonly kind: 'Ready'; readonly record: DiskRecord; readonly attempts: readonly Attempt[] }
  | {
      readonly kind: 'NotYet';
      readonly phase: MachinePhase;
      readonly failure: Failure;
      readonly attempts: readonly Attempt[];
    };

/** Steps 2 to 6 once. Never throws: what the steps don't know is a failing volume, reported and tried again. */
export async function attemptOrFailure(context: PrepareContext, sources: Sources): Promise<Outcome> {
  try {
    return await attempt(context, sources);
  } catch (error) {
    if (!context.signal.aborted) context.log.error({ err: error }, 'An attempt to prepare the disk failed');
    return { kind: 'NotYet', phase: 'DiskFailed', failure: volumeFailure(error), attempts: [] };
  }
}

async function attempt(context: PrepareContext, sources: Sources): Promise<Outcome> {
  const { files, volume, paths, variables, log } = context;
  await makeRoomToStart(files, volume);
  await files.makeFolder(volume.staging);
  // A name in `.loco` is as durable as that of `.loco` itself: without its record, a disk of ours looks like a stranger.
  await files.syncFolder(volume.root);
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
  { record, isChanged, facts, failure }: Extract<ExistingDisk, { kind: 'Damaged' }>,
): Promise<Outcome> {
  const { log, volume, report } = context;
  const disk = { path: volume.disk, origin: record.origin, isChanged, isLink: await isLink(volume) };
  const decision = decideDamage(plan, disk, failure);
  if (decision.kind !== 'Leave' && !(await stayedAtRest(context, facts))) return notYet(changing(volume.disk, failure));
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

/** Whether the file is as it was before it was looked at, and nobody wrote to it for a while before that. */
async function stayedAtRest({ files, volume, clock }: PrepareContext, before: FileFacts): Promise<boolean> {
  return isAtRest(before, clock.now()) && isDeepStrictEqual(await files.facts(volume.disk), before);
}

/** Somebody may be copying a disk over the one that is there: half of it must not be put aside, and least of all removed. */
function changing(disk: string, { message }: Failure): Failure {
  return {
    reason: 'DiskChanging',
    message: `${disk} can't be used, but was written to a moment ago: somebody may be copying a disk there. It is judged when it has been left alone for half a minute. ${message}`,
  };
}

/** Steps 3 to 6. */
async function fill(context: PrepareContext, plan: DiskPlan, sources: Sources, legacy: Legacy): Promise<Outcome> {
  await removeDeadImports(context.files, context.volume, context.clock);
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
