import type { Observed, ObservedPlan } from './observed.ts';
import { planHash } from './render/plan-config-map.ts';

/** A pod that is to look at its mounted volumes again. */
export interface Nudge {
  readonly pod: string;
  readonly uid: string;
  readonly planHash: string;
}

/** Phases in which a machine waits for something that a new plan may bring. */
const WAITING_PHASES = ['AwaitingSnapshot', 'AwaitingDisk', 'DiskFailed'];

/**
 * Kubelet refreshes mounted ConfigMaps and Secrets after a minute or so, but at once when the pod object changes. So
 * the pods of machines that wait are told the new plan's hash in an annotation, when the plan changed after they were
 * made. A plan that only explains why there is no digest yet is worth no hurry.
 */
export function decideNudges(observed: Observed, plan: ObservedPlan): Nudge[] {
  const { text, changedAt } = plan;
  if (changedAt === undefined || observed.plan?.text !== text || text.includes('"unresolved"')) return [];
  const hash = planHash(text);
  return observed.pods
    .filter((pod) => !pod.deleting && pod.planHash !== hash && changedAt >= pod.createdAt)
    .filter((pod) => WAITING_PHASES.includes(observed.contacts.get(pod.uid)?.report?.phase ?? ''))
    .map(({ name, uid }) => ({ pod: name, uid, planHash: hash }));
}
