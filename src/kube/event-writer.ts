import type { BackoffPolicy } from './backoff.ts';
import { type Clock, pause } from './clock.ts';
import { isNotFound, isRefusal } from './errors.ts';
import { retryInMs } from './retry.ts';

/** One request to come; what it carries is made up when it is sent. */
export interface PendingWrite {
  /** What it is about: those about the same are sent one after the other, in order. */
  readonly about: string;
  readonly send: (signal: AbortSignal) => Promise<unknown>;
  readonly onDropped: (error: unknown) => void;
}

/** Requests that are under way at once. */
const LANES = 4;
const MAX_PENDING = 5_000;
/** Together a good minute: the API server may be away for so long. */
const ATTEMPTS = 16;
const BACKOFF: BackoffPolicy = { firstMs: 250, capMs: 5_000 };

/**
 * Sends requests in the background that no work waits for. Those about the same keep their order; what can't be sent after
 * some attempts, and what comes when too many wait, is dropped and told of.
 */
export class EventWriter {
  readonly #clock: Clock;
  readonly #random: () => number;
  readonly #abort = new AbortController();
  readonly #tails = new Map<number, Promise<void>>();
  #pending = 0;

  constructor(clock: Clock, random: () => number) {
    this.#clock = clock;
    this.#random = random;
  }

  write(pending: PendingWrite): void {
    if (this.#pending >= MAX_PENDING) {
      pending.onDropped(new Error(`${MAX_PENDING} events are waiting already`));
      return;
    }
    this.#pending += 1;
    const lane = laneOf(pending.about);
    const tail = this.#tails.get(lane) ?? Promise.resolve();
    this.#tails.set(
      lane,
      tail
        .then(() => this.#attempt(pending))
        .finally(() => {
          this.#pending -= 1;
        }),
    );
  }

  /** Resolves when everything so far is sent or dropped. */
  async drain(): Promise<void> {
    await Promise.all(this.#tails.values());
  }

  /** Drops what is not sent yet, the requests under way among it, and what comes later. */
  stop(): void {
    this.#abort.abort();
  }

  async #attempt({ send, onDropped }: PendingWrite): Promise<void> {
    for (let attempt = 1; ; attempt += 1) {
      if (this.#abort.signal.aborted) {
        onDropped(new Error('nothing is written any more'));
        return;
      }
      try {
        await send(this.#abort.signal);
        return;
      } catch (error) {
        if (isRefusal(error) || isNotFound(error) || attempt >= ATTEMPTS || this.#abort.signal.aborted) {
          onDropped(error);
          return;
        }
        await pause(this.#clock, retryInMs(BACKOFF, attempt, error, this.#random), this.#abort.signal);
      }
    }
  }
}

function laneOf(about: string): number {
  let sum = 0;
  for (const character of about) sum += character.codePointAt(0) ?? 0;
  return sum % LANES;
}
