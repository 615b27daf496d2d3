/**
 * Time as an argument, so that tests decide when it passes.
 *
 * There are two times. The wall clock is for people and for other machines; somebody may set it, by an hour, in either
 * direction. Durations are measured with the monotonic clock alone.
 */
export interface Clock {
  /** The wall clock: milliseconds since the epoch. */
  now(): number;
  /** Milliseconds since some moment; never goes back, and nobody sets it. */
  monotonic(): number;
  /** Calls `action` once after `ms`, or after the longest time that a timer can have; the returned function cancels it. */
  after(ms: number, action: () => void): () => void;
}

/** Node makes 1 ms of a longer time. About 25 days. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  after: (ms, action) => {
    const timer = setTimeout(action, Math.min(ms, LONGEST_TIMER_MS));
    return () => clearTimeout(timer);
  },
};

/** Resolves after `ms`, or at once when `signal` is aborted. */
export function pause(clock: Clock, ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const stop = (): void => {
      cancel();
      resolve();
    };
    const cancel = clock.after(ms, () => {
      signal.removeEventListener('abort', stop);
      resolve();
    });
    signal.addEventListener('abort', stop, { once: true });
  });
}
