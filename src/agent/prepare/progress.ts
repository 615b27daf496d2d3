import type { Progress } from '../../contract/agent-report.ts';

/** How far a step is, as the step itself knows it. */
export type Done = Pick<Progress, 'step' | 'doneBytes' | 'totalBytes'>;

interface Sample {
  /** Milliseconds since 1970. */
  readonly at: number;
  readonly doneBytes: number;
}

/** What is remembered of a step between two looks. */
export interface Meter {
  readonly done: Done;
  /** Oldest first; the last is that of `done`. */
  readonly samples: readonly Sample[];
}

/** The rate is that of so many milliseconds, so that it follows what happens and doesn't jump. */
const WINDOW_MILLISECONDS = 5000;
/** From less than this, a rate would be noise. */
const SHORTEST_MILLISECONDS = 400;
/** So close together, two looks count as one: the memory of a step stays small however often it is looked at. */
const APART_MILLISECONDS = 250;

/** Takes a look at a step into account; another step, or one that went back to an earlier byte, begins anew. */
export function measure(before: Meter | undefined, done: Done, at: number): Meter {
  const sample: Sample = { at, doneBytes: done.doneBytes };
  const last = before?.samples.at(-1);
  const goesOn =
    last !== undefined && before?.done.step === done.step && done.doneBytes >= last.doneBytes && at >= last.at;
  if (!goesOn) return { done, samples: [sample] };
  const begin = at - WINDOW_MILLISECONDS;
  // One look from before the window stays: the rate is then that of the whole of it.
  const kept = before.samples.filter((_, index, all) => (all[index + 1]?.at ?? at) > begin);
  const previous = kept.at(-2);
  const isClose = previous !== undefined && last.at - previous.at < APART_MILLISECONDS;
  return { done, samples: [...(isClose ? kept.slice(0, -1) : kept), sample] };
}

/** Percent, rate and time left of a step, as far as they are known. */
export function progressOf({ done, samples }: Meter): Progress {
  const { step, doneBytes, totalBytes } = done;
  const bytesPerSecond = rateOf(samples);
  const left = totalBytes === undefined ? undefined : Math.max(0, totalBytes - doneBytes);
  return {
    step,
    doneBytes,
    ...(totalBytes === undefined ? {} : { totalBytes, percent: percentOf(doneBytes, totalBytes) }),
    ...(bytesPerSecond === undefined ? {} : { bytesPerSecond }),
    ...(left === undefined || !bytesPerSecond ? {} : { secondsLeft: Math.ceil(left / bytesPerSecond) }),
  };
}

/** Rounded down: 100 is said when all is done. */
function percentOf(doneBytes: number, totalBytes: number): number {
  if (doneBytes >= totalBytes) return 100;
  return Math.min(99, Math.floor((doneBytes / totalBytes) * 100));
}

function rateOf(samples: readonly Sample[]): number | undefined {
  const [first] = samples;
  const last = samples.at(-1);
  if (first === undefined || last === undefined || last.at - first.at < SHORTEST_MILLISECONDS) return undefined;
  return Math.round(((last.doneBytes - first.doneBytes) * 1000) / (last.at - first.at));
}
