import type { BackoffPolicy } from './backoff.ts';
import type { Clock } from './clock.ts';
import { retryInMs } from './retry.ts';
import type { Workers } from './workers.ts';

/** What came of working on a key. A thrown error is a retry with backoff. */
export type WorkResult =
  /** Nothing more to do until something changes. */
  | { readonly outcome: 'Done' }
  /** Look again after this time, whatever happens meanwhile. */
  | { readonly outcome: 'Again'; readonly afterMs: number }
  /** Wrong in a way that only a change of the object can mend. */
  | { readonly outcome: 'Terminal'; readonly error: unknown };

/** The work was not done, and will be tried again. */
export interface WorkFailure {
  readonly outcome: 'Failed';
  readonly error: unknown;
  readonly retryInMs: number;
}

export interface WorkQueueOptions {
  readonly work: (key: string) => Promise<WorkResult>;
  /** Shared with the queues of other kinds. */
  readonly workers: Workers;
  readonly clock: Clock;
  readonly random: () => number;
  readonly backoff?: BackoffPolicy;
  readonly observer?: WorkObserver;
}

/** Hears what the queue does, for logs and metrics. Must not throw. */
export interface WorkObserver {
  added(depth: number): void;
  started(key: string, waitedMs: number, depth: number): void;
  finished(key: string, tookMs: number, result: WorkResult | WorkFailure): void;
}

const BACKOFF: BackoffPolicy = { firstMs: 50, capMs: 30_000 };

/**
 * Keys of one kind to work on; first in, first out.
 *
 * Invariants: a key waits at most once, and is in work at most once; a key that is added while it is in work is worked
 * on again afterwards; a key that fails waits longer each time and holds up nobody; a key that succeeds is not worked
 * on again without a new reason; nothing is begun between {@link pause} and {@link start}, and nothing ever after
 * {@link drain}; what is added while paused is kept.
 */
export class WorkQueue {
  readonly #options: WorkQueueOptions;
  /** Waiting keys in their order, with the time at which they came. */
  readonly #waiting = new Map<string, number>();
  readonly #inWork = new Map<string, Promise<void>>();
  /** Keys that were added while in work. */
  readonly #dirty = new Set<string>();
  /** Looks that were asked for. */
  readonly #planned = new Map<string, { at: number; cancel: () => void }>();
  /** Keys whose last work failed, and the end of their wait unless that is over. */
  readonly #failing = new Map<string, { failures: number; cancel: () => void }>();
  #state: 'Paused' | 'Running' | 'Drained' = 'Paused';

  constructor(options: WorkQueueOptions) {
    this.#options = options;
    options.workers.join({ begin: () => this.#begin() });
  }

  get depth(): number {
    return this.#waiting.size;
  }

  add(key: string): void {
    if (this.#state === 'Drained') return;
    if (this.#inWork.has(key)) {
      this.#dirty.add(key);
      return;
    }
    if (this.#waiting.has(key)) return;
    this.#waiting.set(key, this.#options.clock.monotonic());
    this.#options.observer?.added(this.#waiting.size);
    this.#options.workers.dispatch();
  }

  /** Adds a key later; of several wishes for one key the earliest counts. */
  addAfter(key: string, ms: number): void {
    if (this.#state === 'Drained') return;
    if (ms <= 0) {
      this.add(key);
      return;
    }
    const { clock } = this.#options;
    const at = clock.monotonic() + ms;
    const planned = this.#planned.get(key);
    if (planned !== undefined && planned.at <= at) return;
    planned?.cancel();
    const cancel = clock.after(ms, () => {
      this.#planned.delete(key);
      this.add(key);
    });
    this.#planned.set(key, { at, cancel });
  }

  /**
   * Begins to work, or goes on. Keys that wait after a failure come at once: what made them fail is likely what made
   * somebody pause.
   */
  start(): void {
    if (this.#state === 'Drained') return;
    this.#state = 'Running';
    for (const [key, { cancel }] of this.#failing) {
      if (this.#inWork.has(key)) continue;
      cancel();
      this.add(key);
    }
    this.#options.workers.dispatch();
  }

  /** Begins nothing more; resolves when what is in work has ended. */
  async pause(): Promise<void> {
    if (this.#state === 'Running') this.#state = 'Paused';
    await Promise.all(this.#inWork.values());
  }

  /** Begins nothing more, for good, and forgets what waits; resolves when what is in work has ended. */
  async drain(): Promise<void> {
    this.#state = 'Drained';
    for (const { cancel } of [...this.#planned.values(), ...this.#failing.values()]) cancel();
    for (const keys of [this.#planned, this.#failing, this.#waiting, this.#dirty]) keys.clear();
    await Promise.all(this.#inWork.values());
  }

  #begin(): Promise<void> | undefined {
    if (this.#state !== 'Running') return undefined;
    const first = this.#waiting.entries().next();
    if (first.done) return undefined;
    const [key, since] = first.value;
    this.#waiting.delete(key);
    // This is the retry, whatever it was that made it come earlier.
    this.#failing.get(key)?.cancel();
    const end = Promise.withResolvers<void>();
    this.#inWork.set(key, end.promise);
    this.#options.observer?.started(key, this.#options.clock.monotonic() - since, this.#waiting.size);
    void this.#work(key).then(end.resolve);
    return end.promise;
  }

  async #work(key: string): Promise<void> {
    const { clock, observer } = this.#options;
    const started = clock.monotonic();
    const result = await this.#attempt(key);
    this.#inWork.delete(key);
    observer?.finished(key, clock.monotonic() - started, result);
    if (this.#dirty.delete(key)) this.add(key);
    if (result.outcome === 'Again') this.addAfter(key, result.afterMs);
  }

  async #attempt(key: string): Promise<WorkResult | WorkFailure> {
    try {
      const result = await this.#options.work(key);
      this.#failing.delete(key);
      return result;
    } catch (error) {
      return this.#failed(key, error);
    }
  }

  #failed(key: string, error: unknown): WorkFailure {
    const { clock, random, backoff = BACKOFF } = this.#options;
    const failures = (this.#failing.get(key)?.failures ?? 0) + 1;
    const delayMs = retryInMs(backoff, failures, error, random);
    const cancel = this.#state === 'Drained' ? () => undefined : clock.after(delayMs, () => this.add(key));
    this.#failing.set(key, { failures, cancel });
    return { outcome: 'Failed', error, retryInMs: delayMs };
  }
}
