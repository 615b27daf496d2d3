import { isDeepStrictEqual } from 'node:util';
import type { Condition, EmulatorStatus, MachineStatus } from '../../api/emulator/schema.ts';
import type { Happening } from '../../kube/events.ts';
import type { Observed, ObservedPod } from './observed.ts';
import { CONDITIONS, REASONS } from './reasons.ts';

/** What waits least comes first. */
const PACES = ['Now', 'Soon', 'Disk', 'First', 'Step'] as const;

/**
 * How soon a status that isn't what is stored has to be:
 * - Now: at once.
 * - Soon: when it has been so for a moment, because much that goes wrong is another thing by then.
 * - Disk: when there has been time for the machine whose disk was made to come up.
 * - First: when there has been time for a new Emulator to come up.
 * - Step: when it is time for a word on how far a machine is.
 */
export type StatusPace = (typeof PACES)[number];

/** What waits least of the two. */
export function soonerPace(one: StatusPace, other: StatusPace): StatusPace {
  return PACES.indexOf(one) < PACES.indexOf(other) ? one : other;
}

const MOMENT_MS = 1_000;
const DISK_MS = 2_000;
/** A new Emulator's first status waits so long: at least, and at most. */
const FIRST_MS = { least: 1_000, most: 10_000 } as const;
/** Between two such statuses of any Emulators, on average. */
const FIRST_OF_ANY_MS = 300;
/** Between two words on how far the machines of one Emulator are: at least, and at most. */
const STEP_MS = { least: 10_000, most: 300_000 } as const;
/** Between two such words on any Emulator, on average: where many come up at once, nobody follows each. */
const STEP_OF_ANY_MS = 1_000;

/** What is known of the statuses of one Emulator; times in milliseconds on a clock that nobody sets. */
export interface StatusHistory {
  /** When one was last stored; `-Infinity` before the first. */
  readonly storedAt: number;
  /** Since when there has been something to tell at a pace, while there is. */
  readonly since: { readonly [pace in 'Soon' | 'Disk' | 'First']?: number };
}

export const NO_STATUS_YET: StatusHistory = { storedAt: Number.NEGATIVE_INFINITY, since: {} };

/**
 * What is known when a pass has a status to store at this pace, or none. What went wrong and is right again is forgotten;
 * a disk, and that an Emulator comes up, wait no longer for what comes and goes meanwhile.
 */
export function withNews({ storedAt, since }: StatusHistory, pace: StatusPace | undefined, now: number): StatusHistory {
  if (pace === undefined || pace === 'Now') return { storedAt, since: {} };
  if (pace === 'Soon' || pace === 'Disk') return { storedAt, since: { [pace]: now, ...since } };
  const { Soon: _, ...kept } = since;
  return { storedAt, since: pace === 'First' ? { First: now, ...kept } : kept };
}

/**
 * When the status has to be stored.
 * @param many how many Emulators have a status that waits at this pace, this one included
 */
export function statusDueAt(pace: StatusPace, { storedAt, since }: StatusHistory, now: number, many: number): number {
  const { Soon = Number.POSITIVE_INFINITY, Disk = Number.POSITIVE_INFINITY, First = now } = since;
  switch (pace) {
    case 'Now':
      return now;
    case 'Soon':
    case 'Disk':
      return Math.min(Soon + MOMENT_MS, Disk + DISK_MS);
    case 'First':
      return First + between(FIRST_MS, many * FIRST_OF_ANY_MS);
    case 'Step':
      return storedAt + between(STEP_MS, many * STEP_OF_ANY_MS);
  }
}

function between({ least, most }: { readonly least: number; readonly most: number }, ms: number): number {
  return Math.min(Math.max(least, ms), most);
}

/**
 * Every status costs the API server a write, and a machine that comes up passes through a dozen states in which nobody
 * has to do anything. So a status that tells of nothing but such steps waits; all else is told as ever. In doubt it is
 * told.
 */
export function statusPace(observed: Observed, next: EmulatorStatus, events: readonly Happening[]): StatusPace {
  const before = observed.emulator.status;
  // Events are told when the status that they are the difference to is stored.
  if (events.some(({ reason }) => reason !== REASONS.DiskPrepared)) return 'Now';
  // Who said it is about to go, or forgets why a source was not used once the disk is in use.
  if (events.length > 0 && (observed.pods.some(({ deleting }) => deleting) || fellBack(observed))) return 'Now';
  // A machine hears of a digest after it is pinned.
  if (before?.snapshot?.digest !== next.snapshot?.digest) return 'Now';
  // A disk that was there before the first status is what events of the next disk are told by.
  if (before === undefined && next.machines?.some(({ disk }) => disk?.confirmed === false)) return 'Now';
  const inTrouble = troubled(observed);
  if (events.length > 0) return inTrouble.size > 0 ? 'Soon' : 'Disk';
  if (before === undefined) return inTrouble.size > 0 || !comesUp(next) ? 'Soon' : 'First';
  // Pods that come are a step; pods that go are what somebody waits for who scales down or stops.
  if ((next.replicas ?? 0) < (before.replicas ?? 0)) return 'Soon';
  return isDeepStrictEqual(news(before, inTrouble), news(next, inTrouble)) ? 'Step' : 'Soon';
}

/** Was a disk looked for in vain before it was found? */
function fellBack({ contacts }: Observed): boolean {
  return [...contacts.values()].some(({ report }) => report !== undefined && report.attempts.length > 0);
}

/** Is nothing known of a new Emulator but that its machines aren't Ready yet? */
function comesUp({ conditions = [] }: EmulatorStatus): boolean {
  const find = (type: string) => conditions.find((condition) => condition.type === type);
  const isResolving = find(CONDITIONS.SnapshotResolved)?.status !== 'False';
  return find(CONDITIONS.Ready)?.reason === REASONS.MachinesNotReady && isResolving;
}

/** Ordinals of the machines of which Kubernetes or the silence of their agents says that something is wrong. */
function troubled(observed: Observed): ReadonlySet<number> {
  const wrong = observed.pods.filter(
    (pod) =>
      (pod.obstacle !== undefined && !awaitsVolume(observed, pod)) ||
      pod.lastEnd !== undefined ||
      observed.contacts.get(pod.uid)?.state === 'Lost',
  );
  return new Set(wrong.map(({ ordinal }) => ordinal));
}

/** No pod has a node before its claim has a volume, and the scheduler says so of each one that it looks at too early. */
function awaitsVolume({ claims }: Observed, { ordinal, obstacle, scheduledAt }: ObservedPod): boolean {
  if (obstacle?.reason !== UNSCHEDULABLE || scheduledAt !== undefined) return false;
  return claims.some((claim) => claim.ordinal === ordinal && !claim.bound);
}

/** What of a status is more than a step on the way. */
function news(
  { conditions = [], machines = [], replicas: _, ...rest }: EmulatorStatus,
  inTrouble: ReadonlySet<number>,
) {
  return {
    ...rest,
    conditions: conditions.map(conditionNews),
    machines: machines.map((machine) => machineNews(machine, inTrouble.has(machine.ordinal))),
  };
}

/** Reasons whose messages repeat what machines on their way say. */
const OF_STEPS: readonly string[] = [REASONS.MachinesNotReady, REASONS.Progressing, REASONS.Preparing];

function conditionNews({ type, status, reason, message }: Condition) {
  // Whether they hold isn't known while a machine comes up, and then they do: news is when something is wrong.
  if (type === CONDITIONS.DisksWritable && status !== 'False') return { type };
  if (type === CONDITIONS.RestartRequired && status !== 'True') return { type };
  return { type, status, reason, ...(OF_STEPS.includes(reason) ? {} : { message }) };
}

/** Phases and reasons that a machine passes through by itself. */
const STEPS: readonly string[] = ['Pending', 'Preparing', 'DiskReady', 'Starting', 'Running'];
const UNSCHEDULABLE = 'Unschedulable';
const STEP_REASONS: readonly (string | undefined)[] = [undefined, 'Booting', UNSCHEDULABLE];

function machineNews(machine: MachineStatus, inTrouble: boolean) {
  const { progress: _, phase, reason, message, ...rest } = machine;
  const isStep = STEPS.includes(phase) && STEP_REASONS.includes(reason) && !inTrouble;
  return { ...rest, ...(isStep ? {} : { phase, reason, message }) };
}
