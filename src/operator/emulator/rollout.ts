import type { MachineStatus } from '../../api/emulator/schema.ts';
import type { Observed, ObservedPod } from './observed.ts';

/**
 * How a changed pod template reaches machines that run, with `update: Rolling`. Each step is decided anew from what is
 * observed, so that a restart of the operator loses none:
 *
 * 1. **Even**: every pod is of the newest template, or the StatefulSet's controller hasn't said which that is. Nothing
 *    is done.
 * 2. **Next**: every machine that is wanted is Ready, and some are outdated. The pod with the highest ordinal of them
 *    is deleted, by its UID; kubelet has the guest shut down, and the StatefulSet makes the pod anew.
 * 3. **Waiting**: a machine isn't Ready that is not outdated: it shuts down, or comes up again. Nothing is restarted
 *    before it is. One that doesn't come back holds all the others, for good: they go on as they are.
 * 4. **Again**: the machines that aren't Ready are all outdated, such as one that the last template had not come back
 *    with. One of them is next: it is down already.
 *
 * So at most one machine is down by our doing. What if one fails by itself while another restarts? Then two are down,
 * one of them by us, and nothing goes on before both are Ready. What if somebody deletes a pod? As in 3. What if the
 * template changes in 3? What comes up is outdated then, and has its turn by 2 or 4. And a guest that switched itself off
 * and is to stay off? Nobody switches it on: it has the new template when its pod is next deleted.
 */
export function decideRollout(observed: Observed, machines: readonly MachineStatus[], now: Date): Rollout | undefined {
  const { spec } = observed.emulator;
  if (spec.update !== 'Rolling' || spec.powerState === 'Stopped') return undefined;
  const old = new Map(outdatedPods(observed).map((pod) => [pod.ordinal, pod]));
  const isOff = ({ ordinal, phase }: MachineStatus): boolean => phase === 'PoweredOff' && old.has(ordinal);
  const wanted = machines.filter((machine) => machine.ordinal < spec.replicas && !isOff(machine));
  const outdated = wanted.flatMap(({ ordinal }) => old.get(ordinal) ?? []);
  if (outdated.length === 0) return undefined;
  const down = wanted.filter(({ ready }) => !ready);
  const awaited = down.filter(({ ordinal }) => !old.has(ordinal)).map((machine) => waitFor(observed, machine, now));
  const awaits = awaited.find(({ stuck }) => stuck) ?? awaited[0];
  if (awaits !== undefined) return { outdated, restart: undefined, awaits };
  const candidates = (down.length === 0 ? wanted : down).flatMap(({ ordinal }) => old.get(ordinal) ?? []);
  return { outdated, restart: candidates.at(-1), awaits: undefined };
}

/** Pods that are of an older template than the newest, by ordinal; none while it isn't known which is. */
export function outdatedPods({ statefulSet, pods }: Observed): ObservedPod[] {
  const revision = statefulSet?.updateRevision;
  if (revision === undefined) return [];
  return pods
    .filter((pod) => !pod.deleting && pod.revision !== undefined && pod.revision !== revision)
    .sort((left, right) => left.ordinal - right.ordinal);
}

/** How long a machine has to come back before it counts as one that doesn't: longer than a large disk takes to check. */
const COMING_BACK_MS = 10 * 60_000;
/** Beyond its grace period a pod only lasts where its node is silent. */
const LEAVING_MS = 60_000;

/** Phases that a machine doesn't leave before somebody does something. */
const STUCK_PHASES = ['AwaitingDisk', 'DiskFailed', 'PoweredOff'];

function waitFor({ pods }: Observed, machine: MachineStatus, now: Date): Awaited {
  const pod = pods.find(({ ordinal }) => ordinal === machine.ordinal);
  const limit = pod === undefined ? undefined : deadlineOf(pod);
  const leftMs = limit === undefined ? undefined : limit.getTime() - now.getTime();
  const stuck = STUCK_PHASES.includes(machine.phase) || isObstructed(pod) || (leftMs !== undefined && leftMs <= 0);
  return { machine, stuck, againAfterMs: stuck ? undefined : leftMs };
}

/** The scheduler's word is not the last: a volume or a node may be on its way. */
function isObstructed(pod: ObservedPod | undefined): boolean {
  return pod?.obstacle !== undefined && pod.obstacle.reason !== 'Unschedulable';
}

function deadlineOf({ deletedAt, createdAt }: ObservedPod): Date {
  const [from, ms] = deletedAt === undefined ? [createdAt, COMING_BACK_MS] : [deletedAt, LEAVING_MS];
  return new Date(from.getTime() + ms);
}

/** A rolling update that is under way. */
export interface Rollout {
  /** Machines that are still to be restarted, by ordinal. */
  readonly outdated: readonly ObservedPod[];
  /** The pod to delete now. */
  readonly restart: ObservedPod | undefined;
  /** Who has to be Ready before anything goes on. */
  readonly awaits: Awaited | undefined;
}

interface Awaited {
  readonly machine: MachineStatus;
  /** It doesn't come back by itself, as far as one can tell. */
  readonly stuck: boolean;
  /** Milliseconds until it counts as stuck. */
  readonly againAfterMs: number | undefined;
}
