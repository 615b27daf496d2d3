import type { MachineStatus } from '../../api/emulator/schema.ts';
import type { Observed, ObservedPod } from './observed.ts';
import { CONDITIONS } from './reasons.ts';

/**
 * How a changed pod template reaches machines that run, with `update: Rolling`. Each step is decided anew from what is
 * observed, so that a restart of the operator loses none:
 *
 * 1. **Even**: every pod is of the newest template, or the StatefulSet's controller hasn't said which that is. Nothing
 *    is done.
 * 2. **Next**: every machine that is wanted is Ready, and some are outdated. The pod with the highest ordinal of them
 *    is deleted, by its UID; kubelet has the guest shut down, and the StatefulSet makes the pod anew.
 * 3. **Waiting**: a machine isn't Ready: it shuts down, or comes up, or its guest is paused. Nothing is restarted before
 *    it is. One that doesn't come back holds all the others, for good: they go on as they are.
 * 4. **Again**: all that aren't Ready are stuck, with a pod that is outdated: one that the last template had not come
 *    back with, such as for an image that isn't to be had. One of them is next. No guest runs there that would be lost.
 *
 * So at most one machine is down by our doing. What if one fails by itself while another restarts? Then two are down,
 * one of them by us, and nothing goes on before both are Ready. What if somebody deletes a pod? As in 3. What if the
 * template changes in 3? What comes up is outdated then, and has its turn by 2 or 4.
 *
 * Some machines have no part in it (`takesPart`): nobody waits for them, and nobody restarts them. They have the new
 * template when their pods are next deleted, or are Ready.
 */
export function decideRollout(observed: Observed, machines: readonly MachineStatus[], now: Date): Rollout | undefined {
  const { spec } = observed.emulator;
  if (spec.update !== 'Rolling' || spec.powerState === 'Stopped') return undefined;
  const old = new Map(outdatedPods(observed).map((pod) => [pod.ordinal, pod]));
  const isOld = ({ ordinal }: MachineStatus): boolean => old.has(ordinal);
  const wanted = machines.filter(
    (machine) => machine.ordinal < spec.replicas && takesPart(observed, machine, isOld(machine)),
  );
  const outdated = wanted.flatMap(({ ordinal }) => old.get(ordinal) ?? []);
  if (outdated.length === 0) return undefined;
  const down = wanted.filter(({ ready }) => !ready).map((machine) => waitFor(observed, machine, now));
  const lost = down.filter(({ machine, stuck }) => stuck && isOld(machine) && isIdle(machine));
  const awaited = down.filter((each) => !lost.includes(each));
  const awaits = awaited.find(({ stuck }) => stuck) ?? awaited[0];
  if (awaits !== undefined) return { outdated, restart: undefined, awaits };
  const candidates = lost.length === 0 ? outdated : lost.flatMap(({ machine }) => old.get(machine.ordinal) ?? []);
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

/**
 * Who has no part: a guest that switched itself off and is to stay off, which is its user's doing; and a machine that
 * has no disk yet and waits with the newest template for one to be imported, perhaps for weeks, or has one imported. One
 * whose disk is gone is another matter: where a restart brought that to light, the next might as well. It holds the others
 * until it has a disk again, or somebody who was told changes the template once more or deletes its pod.
 */
function takesPart(observed: Observed, machine: MachineStatus, isOld: boolean): boolean {
  if (machine.phase === 'PoweredOff') return false;
  const waits = isImporting(machine) || (machine.phase === 'AwaitingDisk' && !isOld);
  return !waits || hadDisk(observed, machine);
}

/** A guest that is paused has all that it did, and goes on when its volume works again; and an import takes long. */
function isIdle(machine: MachineStatus): boolean {
  return machine.phase !== 'Paused' && !isImporting(machine);
}

function isImporting({ progress }: MachineStatus): boolean {
  return progress?.step === 'Importing';
}

/** Was a disk known of it when it said that it has none, or has it held the others since? */
function hadDisk({ emulator: { status }, claims }: Observed, { ordinal, pod }: MachineStatus): boolean {
  const claim = claims.find((each) => each.ordinal === ordinal);
  const before = status?.machines?.find((each) => each.ordinal === ordinal);
  if (claim?.disk !== undefined || before?.disk !== undefined) return true;
  const told = status?.conditions?.find(({ type }) => type === CONDITIONS.RestartRequired)?.message;
  return before?.phase === 'AwaitingDisk' && told?.startsWith(`${pod} ${HOLDS}`) === true;
}

/** What the condition says, after the machine's name, while it holds the others. */
export const HOLDS = 'does not come back';

/** How long a machine has to be Ready again before it counts as one that doesn't: a large disk takes that to check. */
const COMING_BACK_MS = 10 * 60_000;
/** Beyond its grace period a pod only lasts where its node is silent. */
const LEAVING_MS = 60_000;

/** Phases that a machine doesn't leave before somebody does something. */
const STUCK_PHASES = ['AwaitingDisk', 'DiskFailed'];
/** What a container waits for in vain; whatever else keeps one from running may be over at its next try. */
const STUCK_OBSTACLES: readonly (string | undefined)[] = [
  ...['ErrImagePull', 'ImagePullBackOff', 'ErrImageNeverPull', 'InvalidImageName'],
  ...['CreateContainerConfigError', 'CreateContainerError'],
];

function waitFor(observed: Observed, machine: MachineStatus, now: Date): Awaited {
  const pod = observed.pods.find(({ ordinal }) => ordinal === machine.ordinal);
  const limit = deadlineOf(observed, pod);
  const leftMs = limit === undefined ? undefined : limit.getTime() - now.getTime();
  const isStuck = STUCK_PHASES.includes(machine.phase) || STUCK_OBSTACLES.includes(pod?.obstacle?.reason);
  const stuck = isStuck || (leftMs !== undefined && leftMs <= 0);
  return { machine, stuck, againAfterMs: stuck || leftMs === undefined || leftMs <= 0 ? undefined : leftMs };
}

/** When a machine that isn't Ready has had its time; undefined while nobody says since when it isn't. */
function deadlineOf({ emulator }: Observed, pod: ObservedPod | undefined): Date | undefined {
  if (pod?.deletedAt !== undefined) return later(pod.deletedAt, LEAVING_MS);
  if (pod !== undefined) return pod.downSince && later(pod.downSince, COMING_BACK_MS);
  // A pod that can't be made says nothing: it is gone for as long as not every machine is Ready.
  const ready = emulator.status?.conditions?.find(({ type }) => type === CONDITIONS.Ready);
  return ready?.status === 'False' ? later(new Date(ready.lastTransitionTime), COMING_BACK_MS) : undefined;
}

function later(from: Date, ms: number): Date {
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
