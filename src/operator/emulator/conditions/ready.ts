import type { MachineStatus } from '../../../api/emulator/schema.ts';
import { CONDITIONS, REASONS } from '../reasons.ts';
import { writeTrouble } from '../write-trouble.ts';
import { type ConditionState, type Facts, missingClaim, wantedMachines } from './condition.ts';

const type = CONDITIONS.Ready;

/** Do all machines that are wanted run behind reachable screens? The one summary. */
export function ready(facts: Facts): ConditionState {
  const { spec } = facts.observed.emulator;
  if (facts.block !== undefined) {
    return { type, status: 'False', reason: facts.block.reason, message: facts.block.message };
  }
  if (spec.powerState === 'Stopped') return stopped(facts);
  const wanted = wantedMachines(facts);
  if (wanted.length === 0) {
    return { type, status: 'True', reason: REASONS.NoMachinesWanted, message: 'spec.replicas is 0' };
  }
  const missing = wanted.filter((machine) => !machine.ready);
  const first = missing[0];
  if (first === undefined) {
    const message = wanted.length === 1 ? 'The machine is ready' : `All ${wanted.length} machines are ready`;
    return { type, status: 'True', reason: REASONS.MachinesReady, message };
  }
  if (facts.observed.failure !== undefined) {
    return { type, status: 'False', reason: REASONS.ApplyFailed, message: facts.observed.failure };
  }
  const noClaim = missingClaim(facts);
  if (noClaim !== undefined) return { type, status: 'False', reason: REASONS.ClaimNotFound, message: noClaim };
  const count = `${wanted.length - missing.length} of ${wanted.length} machines are ready`;
  const telling = missing.find((machine) => tellingReason(machine) !== undefined) ?? first;
  const reason = tellingReason(telling) ?? REASONS.MachinesNotReady;
  const cause = reason === REASONS.AwaitingSnapshot ? snapshotCause(facts) : undefined;
  const message = `${count}. ${telling.pod} is ${telling.phase}: ${cause ?? telling.message}`;
  return { type, status: 'False', reason, message };
}

/** Phases that say more than "not ready": somebody has to do something, or look at a cause. */
const TELLING_PHASES: ReadonlyMap<string, string> = new Map([
  ['AwaitingDisk', REASONS.AwaitingDisk],
  ['DiskFailed', REASONS.DiskFailed],
  ['AwaitingSnapshot', REASONS.AwaitingSnapshot],
]);

function tellingReason(machine: MachineStatus): string | undefined {
  return TELLING_PHASES.get(machine.phase) ?? writeTrouble(machine);
}

/** The operator knows better than the machine why there is no digest yet. */
function snapshotCause({ snapshot }: Facts): string | undefined {
  return snapshot === undefined || snapshot.pinned !== undefined
    ? undefined
    : `${snapshot.reason}: ${snapshot.message}`;
}

function stopped(facts: Facts): ConditionState {
  const running = facts.observed.pods.length;
  if (running === 0) {
    const message = 'The machines are stopped, as spec.powerState asks';
    return { type, status: 'False', reason: REASONS.Stopped, message };
  }
  const message = `${running} ${running === 1 ? 'machine is' : 'machines are'} shutting down`;
  return { type, status: 'False', reason: REASONS.Stopping, message };
}
