import { isDeepStrictEqual } from 'node:util';
import type { Condition, EmulatorStatus, MachineStatus } from '../../api/emulator/schema.ts';
import type { Observed } from './observed.ts';
import { CONDITIONS, REASONS } from './reasons.ts';

/**
 * How soon a status that isn't what is stored has to be: at once; a moment after the last one, because much changes in
 * a machine's first second; or when it is time for a word on how far it is.
 */
export type StatusPace = 'Now' | 'Soon' | 'Step';

/** The least time between a status and the last one, in milliseconds. */
export const PACE_MS: Readonly<Record<StatusPace, number>> = { Now: 0, Soon: 1_000, Step: 10_000 };

/**
 * Every status costs the API server a write, and a machine that comes up passes through a dozen states in which nobody
 * has to do anything. So a status that tells of nothing but such steps waits; all else is told as ever. In doubt it is
 * told.
 */
export function statusPace(observed: Observed, next: EmulatorStatus, tellsEvents: boolean): StatusPace {
  const before = observed.emulator.status;
  // Events are told when the status that they are the difference to is stored.
  if (tellsEvents || before === undefined) return 'Now';
  // A machine hears of a digest after it is pinned.
  if (before.snapshot?.digest !== next.snapshot?.digest) return 'Now';
  // Pods that come are a step; pods that go are what somebody waits for who scales down or stops.
  if ((next.replicas ?? 0) < (before.replicas ?? 0)) return 'Soon';
  const inTrouble = troubled(observed);
  return isDeepStrictEqual(news(before, inTrouble), news(next, inTrouble)) ? 'Step' : 'Soon';
}

/** Ordinals of the machines of which Kubernetes or the silence of their agents says that something is wrong. */
function troubled({ pods, contacts }: Observed): ReadonlySet<number> {
  const wrong = pods.filter(
    ({ uid, obstacle, lastEnd }) =>
      obstacle !== undefined || lastEnd !== undefined || contacts.get(uid)?.state === 'Lost',
  );
  return new Set(wrong.map(({ ordinal }) => ordinal));
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

/** Phases that a machine passes through by itself. */
const STEPS: readonly string[] = ['Pending', 'Preparing', 'DiskReady', 'Starting', 'Running'];

function machineNews(machine: MachineStatus, inTrouble: boolean) {
  const { progress: _, phase, reason, message, ...rest } = machine;
  const isStep = STEPS.includes(phase) && (reason === undefined || reason === 'Booting') && !inTrouble;
  return { ...rest, ...(isStep ? {} : { phase, reason, message }) };
}
