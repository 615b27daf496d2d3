import type { Clock } from './clock.ts';
import type { Fence } from './fence.ts';

/** A moment on both clocks of a process. */
export interface Moment {
  readonly wall: number;
  readonly monotonic: number;
}

export function momentOf(clock: Clock): Moment {
  return { wall: clock.now(), monotonic: clock.monotonic() };
}

/**
 * The clocks may be apart by this much since the last renewal; NTP slews by less than 1 ms in a second. More means that
 * somebody set the wall clock, or that the machine was frozen and its monotonic clock stood still: what is left of the
 * lease is not known then, before the next renewal has succeeded.
 */
const DIVERGENCE_MS = 1_000;

/**
 * Open for some time after each renewal, counted from before its request was sent, on the monotonic clock. Whatever
 * happened meanwhile (the process was stopped, its event loop was busy), the answer is right at the moment of asking.
 */
export class LeaseFence implements Fence {
  readonly #clock: Clock;
  readonly #openMs: number;
  #renewed: Moment | undefined;

  constructor(clock: Clock, openMs: number) {
    this.#clock = clock;
    this.#openMs = openMs;
  }

  remainingMs(): number {
    if (this.#renewed === undefined) return 0;
    const now = momentOf(this.#clock);
    const elapsedMs = now.monotonic - this.#renewed.monotonic;
    const elapsedWallMs = now.wall - this.#renewed.wall;
    if (Math.abs(elapsedWallMs - elapsedMs) > DIVERGENCE_MS) return 0;
    return Math.max(0, this.#openMs - elapsedMs);
  }

  /** The lease was renewed, by a request that was sent after `asked`. */
  renewed(asked: Moment): void {
    this.#renewed = asked;
  }

  close(): void {
    this.#renewed = undefined;
  }
}
