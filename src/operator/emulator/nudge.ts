import { ANNOTATIONS } from './names.ts';
import type { Observed, ObservedPlan, ObservedPod } from './observed.ts';
import { planHash } from './render/plan-config-map.ts';
import { isTurnedAway } from './snapshot.ts';

/** A pod that is to look at its mounted volumes again. */
export interface Nudge {
  readonly pod: string;
  readonly uid: string;
  readonly resourceVersion: string;
  /** Any change of the pod will do; these say why. */
  readonly annotations: Readonly<Record<string, string>>;
}

/** Phases in which a machine waits for something that a new plan may bring. */
const WAITING_PHASES = ['AwaitingSnapshot', 'AwaitingDisk', 'DiskFailed'];

/**
 * Kubelet refreshes mounted ConfigMaps and Secrets after a minute or so, but at once when the pod object changes. So
 * the pods of machines that wait are told the new plan's hash in an annotation, when the plan changed after they were
 * made. A plan that only explains why there is no digest yet is worth no hurry.
 */
export function decideNudges(observed: Observed, plan: ObservedPlan, accessAt: Date | undefined): Nudge[] {
  return [...planNudges(observed, plan), ...accessNudges(observed, accessAt)];
}

function planNudges(observed: Observed, plan: ObservedPlan): Nudge[] {
  const { text, changedAt } = plan;
  if (changedAt === undefined || observed.plan?.text !== text || text.includes('"unresolved"')) return [];
  const hash = planHash(text);
  return observed.pods
    .filter((pod) => !pod.deleting && pod.planHash !== hash && changedAt >= pod.createdAt)
    .filter((pod) => WAITING_PHASES.includes(observed.contacts.get(pod.uid)?.report?.phase ?? ''))
    .map((pod) => nudge(pod, { [ANNOTATIONS.planHash]: hash }));
}

/** The same for machines that the registry turned away, once after it lets us in with what their pods mount. */
function accessNudges(observed: Observed, accessAt: Date | undefined): Nudge[] {
  if (accessAt === undefined) return [];
  const at = accessAt.toISOString();
  return observed.pods
    .filter(({ uid, deleting }) => !deleting && isTurnedAway(observed.contacts.get(uid)?.report))
    .filter(({ accessToldAt }) => accessToldAt !== at)
    .map((pod) => nudge(pod, { [ANNOTATIONS.registryAccessAt]: at }));
}

function nudge({ name, uid, resourceVersion }: ObservedPod, annotations: Nudge['annotations']): Nudge {
  return { pod: name, uid, resourceVersion, annotations };
}
