import { type BackoffPolicy, backoffMs } from './backoff.ts';
import type { Clock } from './clock.ts';

/** What came of working on a key. A thrown error is a retry with backoff. */
export type WorkResult =
  /** Nothing more to do until something changes. */
  | { readonly outcome: 'Done' }
  /** Look again after this time, whatever happens meanwhile. */
  | { readonly outcome: 'Again'; readonly afterMs: number }
  /** Wrong in a way that only a change of the object can mend. */
  | { readonly outcome: 'Terminal'; readonly error: unknown };

export interface WorkQueueOptions {
  readonly work: (key: string) => Promise<WorkResult>;
  readonly concurrency: number;
  readonly clock: Clock;
  readonly random: () => number;
  readonly backoff?: BackoffPolicy;
  readonly observer?: WorkObserver;
}

/** Hears what the queue does; for logs and metrics. */
export interface WorkObserver {
  added(depth: number): void;
  started(key: string, waitedMs: number, depth: number): void;
  finished(
    key: string,
    tookMs: number,
    result: WorkResult | { outcome: 'Failed'; error: unknown; retryInMs: number },
  ): void;
}

const BACKOFF: BackoffPolicy = { firstMs: 50, capMs: 30_000 };

/**
 * Keys to work on. Invariants: a key is waiting at most once, and in work at most once; a key that is added while it
 * is in work is worked on again afterwards; a key that fails waits longer each time and holds up nobody.
 * First in, first out.
 */
export class WorkQueue {
  readonly #options: WorkQueueOptions;
  /** Waiting keys in their order, with the time at which they came. */
  readonly #waiting = new Map<string, number>();
  readonly #inWork = new Set<string>();
  /** Keys that were added while in work. */
  readonly #dirty = new Set<string>();
  readonly #delayed = new Map<string, { at: number; cancel: () => void }>();
  readonly #failures = new Map<string, number>();
  #running = false;
  #idle: (() => void) | undefined;

  constructor(options: WorkQueueOptions) {
    this.#options = options;
  }

  get depth(): number {
    return this.#waiting.size;
  }

  add(key: string): void {
    if (this.#inWork.has(key)) {
      this.#dirty.add(key);
      return;
    }
    if (this.#waiting.has(key)) return;
    this.#waiting.set(key, this.#options.clock.now());
    this.#options.observer?.added(this.#waiting.size);
    this.#next();
  }

  /** Adds a key later; of several wishes for one key the earliest counts. */
  addAfter(key: string, ms: number): void {
    if (ms <= 0) {
      this.add(key);
      return;
    }
    const at = this.#options.clock.now() + ms;
    const planned = this.#delayed.get(key);
    if (planned !== undefined && planned.at <= at) return;
    planned?.cancel();
    const cancel = this.#options.clock.after(ms, () => {
      this.#delayed.delete(key);
      this.add(key);
    });
    this.#delayed.set(key, { at, cancel });
  }

  /** Begins to work; keys that were added before wait for it. */
  start(): void {
    this.#running = true;
    this.#next();
  }

  /** Takes up no more work and resolves when what is in work has ended. */
  async drain(): Promise<void> {
    this.#running = false;
    for (const { cancel } of this.#delayed.values()) cancel();
    this.#delayed.clear();
    if (this.#inWork.size === 0) return;
    await new Promise<void>((resolve) => {
      this.#idle = resolve;
    });
  }

  #next(): void {
    while (this.#running && this.#inWork.size < this.#options.concurrency) {
      const first = this.#waiting.entries().next();
      if (first.done) return;
      const [key, since] = first.value;
      this.#waiting.delete(key);
      this.#inWork.add(key);
      this.#options.observer?.started(key, this.#options.clock.now() - since, this.#waiting.size);
      void this.#work(key);
    }
  }

  async #work(key: string): Promise<void> {
    const started = this.#options.clock.now();
    const result = await this.#attempt(key);
    this.#inWork.delete(key);
    this.#options.observer?.finished(key, this.#options.clock.now() - started, result);
    if (this.#dirty.delete(key)) this.add(key);
    if (result.outcome === 'Again') this.addAfter(key, result.afterMs);
    if (result.outcome === 'Failed') this.addAfter(key, result.retryInMs);
    if (this.#inWork.size === 0) this.#idle?.();
    this.#next();
  }

  async #attempt(key: string): Promise<WorkResult | { outcome: 'Failed'; error: unknown; retryInMs: number }> {
    try {
      const result = await this.#options.work(key);
      this.#failures.delete(key);
      return result;
    } catch (error) {
      const failures = (this.#failures.get(key) ?? 0) + 1;
      this.#failures.set(key, failures);
      return {
        outcome: 'Failed',
        error,
        retryInMs: backoffMs(this.#options.backoff ?? BACKOFF, failures, this.#options.random),
      };
    }
  }
}
