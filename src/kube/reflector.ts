import { setImmediate as nextTurn } from 'node:timers/promises';
import type { BackoffPolicy } from './backoff.ts';
import type { KubeClient } from './client.ts';
import { type Clock, pause } from './clock.ts';
import { endsInitialEvents, type Scope, type WatchEvent } from './collection.ts';
import { ApiError, errorMessage, isGone, isRefusal } from './errors.ts';
import type { KubeObject } from './object.ts';
import { retryInMs } from './retry.ts';
import type { Fill, Store } from './store.ts';

/** What a cache asks for: all there is, changes from a version on, or `Stream`: both in one. */
export type SessionKind = 'List' | 'Watch' | 'Stream';

/** Everything a reflector needs from outside. */
export interface ReflectorOptions<T extends KubeObject> {
  readonly client: Pick<KubeClient, 'list' | 'watch'>;
  readonly scope: Scope;
  readonly store: Store<T>;
  readonly clock: Clock;
  readonly random: () => number;
  /** Told of every failure; the reflector itself goes on. */
  readonly onFailure: (failure: { resource: string; namespace: string; error: unknown; retryInMs: number }) => void;
  /** Told of the first change or bookmark after failures. */
  readonly onRecovered?: (recovery: { resource: string; namespace: string }) => void;
  /** Told of each list and each watch that is asked for. */
  readonly onSession?: (session: { resource: string; kind: SessionKind }) => void;
  readonly backoff?: BackoffPolicy | undefined;
  /** Nothing heard on a watch for this long (not even a bookmark, which comes once a minute): it is half-open. */
  readonly idleTimeoutMs?: number;
}

const BACKOFF: BackoffPolicy = { firstMs: 200, capMs: 3_000 };
/** Costs nobody anything, and is what an operator is late at most after the API server's return. */
const UNREACHABLE_BACKOFF: BackoffPolicy = { firstMs: 200, capMs: 1_000 };
/** What was refused isn't granted by asking often. */
const REFUSED_BACKOFF: BackoffPolicy = { firstMs: 200, capMs: 15_000 };
const IDLE_TIMEOUT_MS = 100_000;
const PAGE_SIZE = 250;

/** The server ends each watch after five to ten minutes, spread so that not all start again together. */
const WATCH_SECONDS = 300;

/** Events that are taken in one turn of the event loop. */
const BATCH = 100;

/**
 * Keeps a {@link Store} equal to what the API server has:
 * 1. ask for everything that is there, and put it into the store as one (handlers hear of the differences). The server
 *    streams it as the beginning of a watch; one that refuses that is asked for pages, and a watch from their version;
 * 2. watch; each event moves the version on, bookmarks too;
 * 3. a watch that ends is taken up again from the last version; one that is refused as too old (410) begins at 1;
 * 4. every failure waits with backoff and jitter, for as long as the server asks when it says so, and goes on where it
 *    was. Nothing ends the loop but {@link stop}.
 *
 * Invariants: the store never holds half a list; the event loop gets its turn after every hundred objects, however many
 * arrive at once.
 */
export class Reflector<T extends KubeObject> {
  readonly #options: ReflectorOptions<T>;
  readonly #abort = new AbortController();
  readonly #synced = Promise.withResolvers<void>();
  #hasSynced = false;
  /** How the server is asked for everything; once it refused to stream and gave pages, it is not asked again. */
  #start: 'Stream' | 'Pages' = 'Stream';
  /** Failures in a row that wait by the same policy. */
  #failures = 0;
  #backoff: BackoffPolicy | undefined;
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
      const start = version === undefined ? this.#start : undefined;
      try {
        if (start === 'Pages') version = await this.#list();
        for await (version of this.#watch(version));
      } catch (error) {
        if (signal.aborted) return;
        // The list that follows at once decides: who may not list at all is asked to stream again.
        if (start !== undefined && version === undefined && isRefusal(error)) {
          this.#start = start === 'Stream' ? 'Pages' : 'Stream';
          if (start === 'Stream') continue;
        }
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
    const { client, scope } = this.#options;
    this.#began('List');
    const fill = this.#beginFill();
    let from: string | undefined;
    for (;;) {
      const page = await client.list<T>(scope, PAGE_SIZE, from, this.#abort.signal);
      for (const [index, item] of page.items.entries()) {
        if (index % BATCH === BATCH - 1) await nextTurn();
        fill.add(item);
      }
      from = page.next;
      if (from === undefined) {
        await this.#end(fill, page.resourceVersion);
        return page.resourceVersion;
      }
    }
  }

  #beginFill(): Fill<T> {
    const { scope, store } = this.#options;
    return store.beginFill(({ metadata }) => scope.namespace === '' || metadata.namespace === scope.namespace);
  }

  async #end(fill: Fill<T>, version: string): Promise<void> {
    await fill.end(version);
    this.#hasSynced = true;
    this.#synced.resolve();
  }

  /** Yields the version after each event; without one to begin at, what is there comes first, and then as one. */
  async *#watch(resourceVersion: string | undefined): AsyncGenerator<string> {
    const { scope } = this.#options;
    this.#began(resourceVersion === undefined ? 'Stream' : 'Watch');
    let fill = resourceVersion === undefined ? this.#beginFill() : undefined;
    let heard = 0;
    for await (const event of this.#events(resourceVersion)) {
      heard += 1;
      if (heard % BATCH === 0) await nextTurn();
      if (fill === undefined) this.#recovered();
      const version = event.object.metadata.resourceVersion ?? resourceVersion ?? '';
      if (fill === undefined) {
        this.#wasGone = false;
        this.#take(event);
        yield version;
      } else if (endsInitialEvents(event)) {
        await this.#end(fill, version);
        fill = undefined;
        yield version;
      } else if (event.type === 'DELETED') fill.remove(event.object);
      else fill.add(event.object);
    }
    // A server sends a bookmark before it ends a watch. One that ends it without a word must not be asked in a loop.
    if (heard === 0)
      throw new ApiError(0, 'WatchEnded', `the watch of ${scope.resource.plural} ended without an event`);
  }

  #events(resourceVersion: string | undefined): AsyncGenerator<WatchEvent<T>> {
    const { client, scope, random, idleTimeoutMs = IDLE_TIMEOUT_MS } = this.#options;
    return client.watch<T>(scope, {
      resourceVersion,
      timeoutSeconds: Math.round(WATCH_SECONDS * (1 + random())),
      idleTimeoutMs,
      signal: this.#abort.signal,
    });
  }

  #take({ type, object }: WatchEvent<T>): void {
    const { store } = this.#options;
    if (type === 'DELETED') store.remove(object);
    else if (type !== 'BOOKMARK') store.set(object);
    else store.expire();
  }

  #began(kind: SessionKind): void {
    const { onSession, scope } = this.#options;
    this.#observed(() => onSession?.({ resource: scope.resource.plural, kind }));
  }

  #recovered(): void {
    if (this.#failures === 0) return;
    this.#failures = 0;
    const { onRecovered, scope } = this.#options;
    this.#observed(() => onRecovered?.({ resource: scope.resource.plural, namespace: scope.namespace }));
  }

  async #backOff(error: unknown): Promise<void> {
    const { clock, random, scope, onFailure } = this.#options;
    const policy = this.#options.backoff ?? backoffFor(error);
    // A server that is back refuses at first, before its own caches are filled: not for as long as it was away.
    this.#failures = policy === this.#backoff ? this.#failures + 1 : 1;
    this.#backoff = policy;
    const waitMs = retryInMs(policy, this.#failures, error, random);
    const { resource, namespace } = scope;
    this.#observed(() => onFailure({ resource: resource.plural, namespace, error, retryInMs: waitMs }));
    await pause(clock, waitMs, this.#abort.signal);
  }

  /** The loop must outlive its observer; the process's own handler of unhandled errors tells of it. */
  #observed(tell: () => void): void {
    try {
      tell();
    } catch (thrown) {
      queueMicrotask(() => {
        throw new Error(`reflector observer failed: ${errorMessage(thrown)}`);
      });
    }
  }
}

function backoffFor(error: unknown): BackoffPolicy {
  if (isRefusal(error)) return REFUSED_BACKOFF;
  return error instanceof ApiError && error.code === 0 ? UNREACHABLE_BACKOFF : BACKOFF;
}
