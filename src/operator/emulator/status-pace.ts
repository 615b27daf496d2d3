import { isDeepStrictEqual } from 'node:util';
import type { Condition, EmulatorStatus, MachineStatus } from '../../api/emulator/schema.ts';
import type { Happening } from '../../kube/events.ts';
import type { Observed, ObservedPod } from './observed.ts';
import { CONDITIONS, REASONS } from './reasons.ts';

/**
 * How soon a status that isn't what is stored has to be: at once; when it has been so for a moment, because much that
 * goes wrong is another thing by then; when that is so of a new Emulator, of which nothing is known but that it comes up;
 * or when it is time for a word on how far a machine is.
 */
export type StatusPace = 'Now' | 'Soon' | 'First' | 'Step';

const PACES: readonly StatusPace[] = ['Now', 'Soon', 'First', 'Step'];

/** What waits least of the two. */
export function soonerPace(one: StatusPace, other: StatusPace): StatusPace {
  return PACES.indexOf(one) < PACES.indexOf(other) ? one : other;
}

const MOMENT_MS = 1_000;
/** A disk that was made is told so long after it was first heard of: many a machine is up by then. */
const DISK_MOMENT_MS = 2_000;
/** A new Emulator's first status waits so long: at least, and at most. */
const FIRST_MS = { least: MOMENT_MS, most: 10_000 } as const;
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
  /** Since when there has been something to tell soon; undefined while there is nothing. */
  readonly newsSince: number | undefined;
  /** Events are among it, since then. */
  readonly tellsEvents: boolean;
}

export const NO_STATUS_YET: StatusHistory = {
  storedAt: Number.NEGATIVE_INFINITY,
  newsSince: undefined,
  tellsEvents: false,
};

/**
 * What is known when a pass has a status to store, or none. A moment begins when there is something to tell, and begins
 * once more when events join it, whatever has been waiting: a machine whose disk is there is up a moment later.
 */
export function withNews(
  history: StatusHistory,
  found: { readonly pace: StatusPace; readonly tellsEvents: boolean } | undefined,
  now: number,
): StatusHistory {
  if (found?.pace !== 'Soon' && found?.pace !== 'First')
    return { ...history, newsSince: undefined, tellsEvents: false };
  const begins = history.newsSince === undefined || (found.tellsEvents && !history.tellsEvents);
  return { ...history, newsSince: begins ? now : history.newsSince, tellsEvents: found.tellsEvents };
}

/**
 * When the status has to be stored.
 * @param steppers how many Emulators have nothing to tell but that they come up, this one included
 */
export function statusDueAt(
  pace: StatusPace,
  { storedAt, newsSince, tellsEvents }: StatusHistory,
  now: number,
  steppers: number,
): number {
  if (pace === 'Now') return now;
  if (pace === 'Soon') return (newsSince ?? now) + (tellsEvents ? DISK_MOMENT_MS : MOMENT_MS);
  if (pace === 'First') return (newsSince ?? now) + between(FIRST_MS, steppers * FIRST_OF_ANY_MS);
  return storedAt + between(STEP_MS, steppers * STEP_OF_ANY_MS);
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
  // Who said it is about to go.
  if (events.length > 0 && observed.pods.some(({ deleting }) => deleting)) return 'Now';
  // A machine hears of a digest after it is pinned.
  if (before?.snapshot?.digest !== next.snapshot?.digest) return 'Now';
  const inTrouble = troubled(observed);
  if (before === undefined) {
    // A disk that was there before is what events of the next disk are told by.
    if (next.machines?.some(({ disk }) => disk?.confirmed === false)) return 'Now';
    return events.length > 0 || inTrouble.size > 0 ? 'Soon' : 'First';
  }
  // Pods that come are a step; pods that go are what somebody waits for who scales down or stops.
  if ((next.replicas ?? 0) < (before.replicas ?? 0)) return 'Soon';
  return isDeepStrictEqual(news(before, inTrouble), news(next, inTrouble)) ? 'Step' : 'Soon';
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
