import { CONDITIONS, REASONS } from '../reasons.ts';
import type { ConditionState, Facts } from './condition.ts';

const type = CONDITIONS.RestartRequired;

/** Does a machine run with an older pod than the spec asks for? The operator never restarts a guest for that. */
export function restartRequired({ observed }: Facts): ConditionState {
  const revision = observed.statefulSet?.updateRevision;
  const old = observed.pods.filter(
    (pod) => revision !== undefined && pod.revision !== undefined && pod.revision !== revision && !pod.deleting,
  );
  if (old.length === 0) {
    return { type, status: 'False', reason: REASONS.UpToDate, message: 'Every pod is as the spec asks' };
  }
  const names = old.map(({ name }) => name).join(' ');
  const message =
    `The spec changed since ${old.length === 1 ? 'this machine was' : 'these machines were'} started. To restart with ` +
    `it: kubectl delete pod -n ${observed.emulator.metadata.namespace} ${names}`;
  return { type, status: 'True', reason: REASONS.TemplateChanged, message };
}
