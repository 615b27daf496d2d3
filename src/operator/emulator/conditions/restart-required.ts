import type { Observed } from '../observed.ts';
import { CONDITIONS, REASONS } from '../reasons.ts';
import type { ConditionState, Facts } from './condition.ts';

const type = CONDITIONS.RestartRequired;

/** Does a machine run with an older pod than the spec asks for? The operator never restarts a guest for that. */
export function restartRequired({ observed }: Facts): ConditionState {
  const revision = observed.statefulSet?.updateRevision;
  const pods = observed.pods.filter(({ deleting }) => !deleting);
  if (revision === undefined && pods.length > 0) return undecided(observed);
  const old = pods.filter((pod) => pod.revision !== undefined && pod.revision !== revision);
  if (old.length === 0) {
    return { type, status: 'False', reason: REASONS.UpToDate, message: 'Every pod is as the spec asks' };
  }
  const names = old.map(({ name }) => name).join(' ');
  const message =
    `The spec changed since ${old.length === 1 ? 'this machine was' : 'these machines were'} started. To restart with ` +
    `it: kubectl delete pod -n ${observed.emulator.metadata.namespace} ${names}`;
  return { type, status: 'True', reason: REASONS.TemplateChanged, message };
}

/** The StatefulSet's controller has yet to say which template is the newest: what was known stays. */
function undecided({ emulator }: Observed): ConditionState {
  const known = emulator.status?.conditions?.find((condition) => condition.type === type);
  if (known !== undefined) return { type, status: known.status, reason: known.reason, message: known.message };
  const message = 'It is not known yet whether every pod is as the spec asks';
  return { type, status: 'Unknown', reason: REASONS.Progressing, message };
}
