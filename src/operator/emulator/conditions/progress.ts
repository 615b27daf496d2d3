import { CONDITIONS, REASONS } from '../reasons.ts';
import { wantedPods } from '../render/stateful-set.ts';
import type { ConditionState, Facts } from './condition.ts';
import { ready } from './ready.ts';

/** Is anything at work that gets on by itself (kstatus)? */
export function reconciling(facts: Facts): ConditionState {
  const type = CONDITIONS.Reconciling;
  const { block } = facts;
  if (block !== undefined) {
    const status = block.kind === 'Waiting' ? 'True' : 'False';
    return { type, status, reason: block.reason, message: block.message };
  }
  if (facts.observed.failure !== undefined) {
    return { type, status: 'True', reason: REASONS.ApplyFailed, message: facts.observed.failure };
  }
  const surplus = facts.observed.pods.length > wantedPods(facts.observed.emulator.spec);
  const summary = ready(facts);
  const settled = summary.status === 'True' || summary.reason === REASONS.Stopped;
  if (settled && !surplus) return updating(facts);
  const message = surplus ? 'Machines that are not wanted any more are shutting down' : summary.message;
  return { type, status: 'True', reason: REASONS.Progressing, message };
}

/** All machines are Ready: with `update: Rolling`, are they to be restarted one after the other? */
function updating({ observed, rollout }: Facts): ConditionState {
  const type = CONDITIONS.Reconciling;
  const { update } = observed.emulator.spec;
  const isUnknown = observed.pods.length > 0 && observed.statefulSet?.updateRevision === undefined;
  if (rollout === undefined && !(isUnknown && update === 'Rolling')) {
    return { type, status: 'False', reason: REASONS.UpToDate, message: 'Everything is as wanted' };
  }
  const message =
    rollout === undefined
      ? 'It is not known yet whether machines have to be restarted'
      : 'Machines are restarted one at a time, for a spec that changed';
  return { type, status: 'True', reason: REASONS.Updating, message };
}

/** Does nothing go on until somebody changes something (kstatus)? */
export function stalled({ block }: Facts): ConditionState {
  const type = CONDITIONS.Stalled;
  if (block?.kind === 'Stalled') return { type, status: 'True', reason: block.reason, message: block.message };
  return { type, status: 'False', reason: REASONS.NotStalled, message: 'Nothing is in the way' };
}
