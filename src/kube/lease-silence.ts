import type { Clock } from './clock.ts';
import type { Lease } from './lease-object.ts';

/** A lease as it was seen, since when, and how long its holder may be silent. */
interface Sight {
  readonly version: string;
  readonly at: number;
  readonly limitMs: number;
}

/**
 * How long the holder of a lease has been silent, as far as this process could see: from when *we* saw the lease change,
 * on our own monotonic clock. A lease that somebody deleted counts as one more change.
 */
export class LeaseSilence {
  readonly #clock: Clock;
  readonly #durationMs: number;
  readonly #blindMs: number;
  #seen: Sight | undefined;
  #lookedAt = Number.NEGATIVE_INFINITY;

  /**
   * @param durationMs for how long a holder may be silent at least
   * @param blindMs who couldn't look for longer begins to count anew: a holder couldn't renew, either
   */
  constructor(clock: Clock, durationMs: number, blindMs: number) {
    this.#clock = clock;
    this.#durationMs = durationMs;
    this.#blindMs = blindMs;
  }

  /** Was there ever a lease? */
  get isKnown(): boolean {
    return this.#seen !== undefined;
  }

  /** Milliseconds for which the holder of this lease may still be silent; undefined: the lease is gone. */
  observe(lease: Lease | undefined): number {
    const version = lease?.metadata.resourceVersion ?? 'none';
    const now = this.#clock.monotonic();
    const wasBlind = now - this.#lookedAt > this.#blindMs;
    this.#lookedAt = now;
    if (this.#seen?.version !== version || wasBlind) {
      const limitMs = Math.max(this.#durationMs, (lease?.spec.leaseDurationSeconds ?? 0) * 1000);
      this.#seen = { version, at: now, limitMs };
    }
    return this.leftMs();
  }

  /** What is left by now of what {@link observe} said last; 0 when it is over, or when there was never a lease. */
  leftMs(): number {
    if (this.#seen === undefined) return 0;
    return Math.max(0, this.#seen.at + this.#seen.limitMs - this.#clock.monotonic());
  }
}
