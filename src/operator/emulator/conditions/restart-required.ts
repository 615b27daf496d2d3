import type { Observed } from '../observed.ts';
import { CONDITIONS, REASONS } from '../reasons.ts';
import { HOLDS, outdatedPods, type Rollout } from '../rollout.ts';
import type { ConditionState, Facts } from './condition.ts';

const type = CONDITIONS.RestartRequired;

/** Does a machine run with an older pod than the spec asks for? Unless told, the operator restarts no guest for that. */
export function restartRequired({ observed, rollout }: Facts): ConditionState {
  const pods = observed.pods.filter(({ deleting }) => !deleting);
  if (observed.statefulSet?.updateRevision === undefined && pods.length > 0) return undecided(observed);
  const old = outdatedPods(observed);
  if (old.length === 0) {
    return { type, status: 'False', reason: REASONS.UpToDate, message: 'Every pod is as the spec asks' };
  }
  if (rollout !== undefined) return updating(rollout);
  const names = old.map(({ name }) => name).join(' ');
  const message =
    `The spec changed since ${old.length === 1 ? 'this machine was' : 'these machines were'} started. To restart with ` +
    `it: kubectl delete pod -n ${observed.emulator.metadata.namespace} ${names}`;
  return { type, status: 'True', reason: REASONS.TemplateChanged, message };
}

/** One machine at a time, and nothing goes on while one doesn't come back. */
function updating({ outdated, awaits }: Rollout): ConditionState {
  const left = outdated.map(({ name }) => name).join(', ');
  if (awaits === undefined || !awaits.stuck) {
    const now = awaits === undefined ? '' : ` Waiting for ${awaits.machine.pod} to be ready.`;
    const message = `The machines are restarted one at a time, as spec.update asks; still to come: ${left}.${now}`;
    return { type, status: 'True', reason: REASONS.Updating, message };
  }
  const { pod, phase, message: said } = awaits.machine;
  const message =
    `${pod} ${HOLDS}, so that no other machine is restarted (${left}). It is ${phase}: ${said} ` +
    `Put right what keeps it, or change the spec back: the update goes on by itself.`;
  return { type, status: 'True', reason: REASONS.UpdateHeld, message };
}

/** The StatefulSet's controller has yet to say which template is the newest: what was known stays. */
function undecided({ emulator }: Observed): ConditionState {
  const known = emulator.status?.conditions?.find((condition) => condition.type === type);
  if (known !== undefined) return { type, status: known.status, reason: known.reason, message: known.message };
  const message = 'It is not known yet whether every pod is as the spec asks';
  return { type, status: 'Unknown', reason: REASONS.Progressing, message };
}
