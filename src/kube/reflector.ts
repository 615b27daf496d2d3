import { type BackoffPolicy, backoffMs } from './backoff.ts';
import type { KubeClient } from './client.ts';
import { type Clock, pause } from './clock.ts';
import type { Scope } from './collection.ts';
import { ApiError, errorMessage, isGone } from './errors.ts';
import type { KubeObject } from './object.ts';
import type { Store } from './store.ts';

/** Everything a reflector needs from outside. */
export interface ReflectorOptions<T extends KubeObject> {
  readonly client: KubeClient;
  readonly scope: Scope;
  readonly store: Store<T>;
  readonly clock: Clock;
  readonly random: () => number;
  /** Told of every failure; the reflector itself goes on. */
  readonly onFailure: (failure: { resource: string; error: unknown; retryInMs: number }) => void;
  readonly backoff?: BackoffPolicy;
  /** Nothing heard on a watch for this long (not even a bookmark, which comes once a minute): it is half-open. */
  readonly idleTimeoutMs?: number;
}

/** The cap is what an operator is late at most after the API server's return. */
const BACKOFF: BackoffPolicy = { firstMs: 200, capMs: 5_000 };
const IDLE_TIMEOUT_MS = 100_000;
const PAGE_SIZE = 250;

/** The server ends each watch after five to ten minutes, spread so that not all start again together. */
const WATCH_SECONDS = 300;

/**
 * Keeps a {@link Store} equal to what the API server has:
 * 1. list all pages; put the list into the store (handlers hear of the differences);
 * 2. watch from the list's version; each event moves the version on, bookmarks too;
 * 3. a watch that ends is taken up again from the last version; one that is refused as too old (410) begins at 1;
 * 4. every failure waits with backoff and jitter, for as long as the server asks when it says so, and goes on where it
 *    was. Nothing ends the loop but {@link stop}.
 */
export class Reflector<T extends KubeObject> {
  readonly #options: ReflectorOptions<T>;
  readonly #abort = new AbortController();
  readonly #synced = Promise.withResolvers<void>();
  #hasSynced = false;
  #failures = 0;
  /** The version was too old, and no event came since. */
  #wasGone = false;
  #done: Promise<void> | undefined;

  constructor(options: ReflectorOptions<T>) {
    this.#options = options;
  }

  /** True once the store has held a whole list. */
  get hasSynced(): boolean {
    return this.#hasSynced;
  }

  /** Resolves with the first whole list. */
  get synced(): Promise<void> {
    return this.#synced.promise;
  }

  start(): void {
    this.#done ??= this.#run();
  }

  async stop(): Promise<void> {
    this.#abort.abort();
    await this.#done;
  }

  async #run(): Promise<void> {
    const signal = this.#abort.signal;
    let version: string | undefined;
    while (!signal.aborted) {
      try {
        version ??= await this.#list();
        for await (version of this.#watch(version));
      } catch (error) {
        if (signal.aborted) return;
        if (isGone(error)) {
          version = undefined;
          // The server answers, so the wait begins anew; one that says it again and again is not asked in a tight loop.
          if (!this.#wasGone) this.#failures = 0;
          this.#wasGone = true;
        }
        await this.#backOff(error);
      }
    }
  }

  async #list(): Promise<string> {
    const { client, scope, store } = this.#options;
    const items: T[] = [];
    let page = await client.list<T>(scope, PAGE_SIZE, undefined, this.#abort.signal);
    items.push(...page.items);
    while (page.next !== undefined) {
      page = await client.list<T>(scope, PAGE_SIZE, page.next, this.#abort.signal);
      items.push(...page.items);
    }
    store.replace(items, ({ metadata }) => scope.namespace === '' || metadata.namespace === scope.namespace);
    this.#hasSynced = true;
    this.#synced.resolve();
    return page.resourceVersion;
  }

  /** Yields the version after each event. */
  async *#watch(resourceVersion: string): AsyncGenerator<string> {
    const { client, scope, store, random } = this.#options;
    const events = client.watch<T>(scope, {
      resourceVersion,
      timeoutSeconds: Math.round(WATCH_SECONDS * (1 + random())),
      idleTimeoutMs: this.#options.idleTimeoutMs ?? IDLE_TIMEOUT_MS,
      signal: this.#abort.signal,
    });
    let heard = false;
    for await (const { type, object } of events) {
      heard = true;
      this.#failures = 0;
      this.#wasGone = false;
      if (type === 'DELETED') store.remove(object);
      else if (type !== 'BOOKMARK') store.set(object);
      yield object.metadata.resourceVersion ?? resourceVersion;
    }
    // A server sends a bookmark before it ends a watch. One that ends it without a word must not be asked in a loop.
    if (!heard) throw new ApiError(0, 'WatchEnded', `the watch of ${scope.resource.plural} ended without an event`);
  }

  async #backOff(error: unknown): Promise<void> {
    const { clock, random, scope, onFailure } = this.#options;
    this.#failures += 1;
    const asked = error instanceof ApiError ? (error.retryAfterSeconds ?? 0) * 1000 : 0;
    const retryInMs = Math.max(asked, backoffMs(this.#options.backoff ?? BACKOFF, this.#failures, random));
    try {
      onFailure({ resource: scope.resource.plural, error, retryInMs });
    } catch (thrown) {
      // The loop must outlive its observer; the process's own handler of unhandled errors tells of it.
      queueMicrotask(() => {
        throw new Error(`reflector observer failed: ${errorMessage(thrown)}`);
      });
    }
    await pause(clock, retryInMs, this.#abort.signal);
  }
}
