import { createHash } from 'node:crypto';
import { type BackoffPolicy, backoffMs } from './backoff.ts';
import type { KubeClient } from './client.ts';
import { type Clock, pause } from './clock.ts';
import { isNotFound, isRefusal } from './errors.ts';
import { microTime } from './lease-object.ts';
import { apiVersionOf, type KubeObject, type Resource } from './object.ts';

const EVENTS: Resource = { group: 'events.k8s.io', version: 'v1', plural: 'events', kind: 'Event' };

/** Something that happened to an object, for people. */
export interface Happening {
  readonly type: 'Normal' | 'Warning';
  /** CamelCase, at most 128 characters. */
  readonly reason: string;
  /** CamelCase: what was being done. */
  readonly action: string;
  /** At most 1,024 bytes; longer ones are cut. */
  readonly note: string;
}

interface Series {
  readonly name: string;
  readonly namespace: string;
  count: number;
  lastAt: number;
  /** When a count was last sent; undefined before the first, which is sent at once: no later one may ever come. */
  sentAt: number | undefined;
}

/** The same event again within this time counts the first one up instead of making another. */
const SERIES_MS = 6 * 60_000;
/** A count is sent at most this often. */
const SERIES_SEND_MS = 30_000;
const MAX_SERIES = 2_000;
const MAX_PENDING = 1_000;
const NOTE_BYTES = 1_024;
const ATTEMPTS = 5;
const BACKOFF: BackoffPolicy = { firstMs: 250, capMs: 5_000 };

/**
 * Writes events.k8s.io events in the background, in order. An event that can't be written after a few attempts is
 * dropped and reported: events are for people, no work depends on them.
 */
export class EventRecorder {
  readonly #client: KubeClient;
  readonly #clock: Clock;
  readonly #random: () => number;
  readonly #reporter: { controller: string; instance: string };
  readonly #onDropped: (happening: Happening, error: unknown) => void;
  readonly #series = new Map<string, Series>();
  readonly #abort = new AbortController();
  #pending = 0;
  #tail: Promise<void> = Promise.resolve();

  constructor(options: {
    client: KubeClient;
    clock: Clock;
    random: () => number;
    reporter: { controller: string; instance: string };
    onDropped: (happening: Happening, error: unknown) => void;
  }) {
    this.#client = options.client;
    this.#clock = options.clock;
    this.#random = options.random;
    this.#reporter = options.reporter;
    this.#onDropped = options.onDropped;
  }

  /** Tells what happened to `regarding`; returns at once. */
  record(regarding: KubeObject, happening: Happening): void {
    const identity = [regarding.metadata.uid, happening.type, happening.reason, happening.action, happening.note];
    const key = createHash('sha256').update(JSON.stringify(identity)).digest('hex');
    const now = this.#clock.now();
    const series = this.#series.get(key);
    if (series !== undefined && now - series.lastAt < SERIES_MS) {
      series.count += 1;
      series.lastAt = now;
      if (series.sentAt === undefined || now - series.sentAt >= SERIES_SEND_MS)
        this.#sendCount(key, series, happening, now);
      return;
    }
    const name = `${regarding.metadata.name}.${key.slice(0, 8)}${now.toString(16)}`;
    const { namespace = 'default' } = regarding.metadata;
    const fresh: Series = { name, namespace, count: 1, lastAt: now, sentAt: undefined };
    this.#remember(key, fresh);
    const create = () => this.#client.create(EVENTS, this.#event(fresh, regarding, happening, now));
    this.#send(happening, create, () => this.#forget(key, fresh));
  }

  /** Resolves when everything recorded so far is written or dropped. */
  async drain(): Promise<void> {
    await this.#tail;
  }

  /** Gives up what couldn't be written yet. */
  stop(): void {
    this.#abort.abort();
  }

  #remember(key: string, series: Series): void {
    this.#series.delete(key);
    this.#series.set(key, series);
    const oldest = this.#series.keys().next();
    if (this.#series.size > MAX_SERIES && !oldest.done) this.#series.delete(oldest.value);
  }

  /** There is nothing to count up: the next of these is an event of its own. */
  #forget(key: string, series: Series): void {
    if (this.#series.get(key) === series) this.#series.delete(key);
  }

  #sendCount(key: string, series: Series, happening: Happening, now: number): void {
    series.sentAt = now;
    const { name, namespace, count } = series;
    const patch = { metadata: { name, namespace }, series: { count, lastObservedTime: microTime(now) } };
    this.#send(happening, async () => {
      try {
        await this.#client.patch(EVENTS, patch);
      } catch (error) {
        // Somebody deleted it, or the server, which keeps events for an hour.
        if (!isNotFound(error)) throw error;
        this.#forget(key, series);
      }
    });
  }

  #event(
    series: Series,
    regarding: KubeObject,
    happening: Happening,
    now: number,
  ): KubeObject & Record<string, unknown> {
    const { name, namespace, uid, resourceVersion } = regarding.metadata;
    return {
      apiVersion: apiVersionOf(EVENTS),
      kind: EVENTS.kind,
      metadata: { name: series.name, namespace: series.namespace },
      eventTime: microTime(now),
      reportingController: this.#reporter.controller,
      reportingInstance: this.#reporter.instance,
      type: happening.type,
      reason: happening.reason,
      action: happening.action,
      note: cutBytes(happening.note, NOTE_BYTES),
      regarding: { apiVersion: regarding.apiVersion, kind: regarding.kind, name, namespace, uid, resourceVersion },
    };
  }

  #send(happening: Happening, send: () => Promise<unknown>, onLost: () => void = () => undefined): void {
    if (this.#pending >= MAX_PENDING) {
      onLost();
      this.#onDropped(happening, new Error(`${MAX_PENDING} events are waiting already`));
      return;
    }
    this.#pending += 1;
    this.#tail = this.#tail.then(async () => {
      if (!(await this.#attempt(happening, send))) onLost();
      this.#pending -= 1;
    });
  }

  async #attempt(happening: Happening, send: () => Promise<unknown>): Promise<boolean> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        await send();
        return true;
      } catch (error) {
        if (isRefusal(error) || isNotFound(error) || attempt >= ATTEMPTS || this.#abort.signal.aborted) {
          this.#onDropped(happening, error);
          return false;
        }
        await pause(this.#clock, backoffMs(BACKOFF, attempt, this.#random), this.#abort.signal);
      }
    }
  }
}

function cutBytes(text: string, limit: number): string {
  if (Buffer.byteLength(text) <= limit) return text;
  return `${Buffer.from(text)
    .subarray(0, limit - 4)
    .toString('utf8')
    .replace(/\uFFFD$/, '')}…`;
}
