import { lacksDisk } from '../machine-status.ts';
import { CONDITIONS, REASONS } from '../reasons.ts';
import { type ConditionState, type Facts, missingClaim, nameSome, wantedMachines } from './condition.ts';

const type = CONDITIONS.DisksReady;

/** Has every machine that is wanted a verified disk? */
export function disksReady(facts: Facts): ConditionState {
  const noClaim = missingClaim(facts);
  if (noClaim !== undefined) return { type, status: 'False', reason: REASONS.ClaimNotFound, message: noClaim };
  const missing = wantedMachines(facts).filter(lacksDisk);
  const waiting = missing.find(({ phase }) => phase === 'AwaitingDisk');
  if (waiting !== undefined) return { type, status: 'False', reason: REASONS.AwaitingDisk, message: waiting.message };
  const failed = missing.find(({ phase }) => phase === 'DiskFailed');
  if (failed !== undefined) {
    return { type, status: 'False', reason: REASONS.DiskFailed, message: `${failed.pod}: ${failed.message}` };
  }
  const unresolved = missing.find(({ phase }) => phase === 'AwaitingSnapshot');
  if (unresolved !== undefined) {
    const cause = facts.snapshot?.pinned === undefined ? facts.snapshot?.message : undefined;
    const message = `${nameSome(missing)}: ${cause ?? unresolved.message}`;
    return { type, status: 'False', reason: REASONS.AwaitingSnapshot, message };
  }
  if (missing.length > 0 && facts.observed.emulator.spec.powerState === 'Stopped') {
    const message = `No disk is known of ${nameSome(missing)}, which ${missing.length === 1 ? 'is' : 'are'} stopped`;
    return { type, status: 'False', reason: REASONS.Stopped, message };
  }
  if (missing.length > 0) {
    const message = `No report of a disk yet from ${nameSome(missing)}`;
    return { type, status: 'False', reason: REASONS.Preparing, message };
  }
  return { type, status: 'True', reason: REASONS.DisksPrepared, message: 'Every machine has its disk' };
}
