import { isDeepStrictEqual } from 'node:util';
import type { Condition, EmulatorStatus, MachineStatus } from '../../api/emulator/schema.ts';
import type { Observed, ObservedPod } from './observed.ts';
import { CONDITIONS, REASONS } from './reasons.ts';

/**
 * How soon a status that isn't what is stored has to be: at once; when it has been so for a moment, because much that
 * goes wrong, or has just begun, is another thing by then; or when it is time for a word on how far a machine is.
 */
export type StatusPace = 'Now' | 'Soon' | 'Step';

const MOMENT_MS = 1_000;
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
}

/**
 * When the status has to be stored.
 * @param steppers how many Emulators have nothing but a step to tell, this one included
 */
export function statusDueAt(
  pace: StatusPace,
  { storedAt, newsSince }: StatusHistory,
  now: number,
  steppers: number,
): number {
  if (pace === 'Soon') return (newsSince ?? now) + MOMENT_MS;
  if (pace === 'Now') return now;
  return storedAt + Math.min(Math.max(STEP_MS.least, steppers * STEP_OF_ANY_MS), STEP_MS.most);
}

/**
 * Every status costs the API server a write, and a machine that comes up passes through a dozen states in which nobody
 * has to do anything. So a status that tells of nothing but such steps waits; all else is told as ever. In doubt it is
 * told.
 */
export function statusPace(observed: Observed, next: EmulatorStatus, tellsEvents: boolean): StatusPace {
  const before = observed.emulator.status;
  // Events are told when the status that they are the difference to is stored.
  if (tellsEvents) return 'Now';
  // A machine hears of a digest after it is pinned.
  if (before?.snapshot?.digest !== next.snapshot?.digest) return 'Now';
  // What has just begun to come up is another thing a moment later; but a disk that was there before is what events of the
  // next disk are told by.
  if (before === undefined) return next.machines?.some(({ disk }) => disk !== undefined) ? 'Now' : 'Soon';
  // Pods that come are a step; pods that go are what somebody waits for who scales down or stops.
  if ((next.replicas ?? 0) < (before.replicas ?? 0)) return 'Soon';
  const inTrouble = troubled(observed);
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
