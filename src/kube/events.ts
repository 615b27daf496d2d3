import type { KubeClient } from './client.ts';
import type { Clock } from './clock.ts';
import { isNotFound } from './errors.ts';
import { EventCorrelation, type Series } from './event-correlation.ts';
import { EventWriter } from './event-writer.ts';
import type { Happening } from './happening.ts';
import { microTime } from './lease-object.ts';
import { apiVersionOf, type KubeObject, type Resource } from './object.ts';

export type { Happening } from './happening.ts';

const EVENTS: Resource = { group: 'events.k8s.io', version: 'v1', plural: 'events', kind: 'Event' };

export interface EventRecorderOptions {
  /** Not fenced: what happened did happen, whoever leads by now. */
  readonly client: Pick<KubeClient, 'create' | 'patch'>;
  readonly clock: Clock;
  readonly random: () => number;
  /** Each at most 128 characters. */
  readonly reporter: { readonly controller: string; readonly instance: string };
  readonly onDropped: (happening: Happening, error: unknown) => void;
}

/** A count is sent at most this often. */
const COUNT_MS = 30_000;
const NOTE_BYTES = 1_024;

/** Where the event of a series is, and what is told of its count. */
interface Written {
  readonly name: string;
  readonly namespace: string;
  readonly about: string;
  /** When a count may be sent next, in monotonic milliseconds. The first is sent at once: no later one may ever come. */
  nextCountAt: number;
  /** A count is going to be sent, and nothing of it is made up yet. */
  isCountDue: boolean;
  /** When it happened last, in epoch milliseconds. */
  seenAt: number;
}

/**
 * Writes events.k8s.io events in the background. An event that happens again counts the first one up; many that say
 * much the same become one; an object that floods loses some (`event-correlation.ts`). An event that can't be written
 * after some attempts is dropped and reported: events are for people, no work depends on them.
 */
export class EventRecorder {
  readonly #options: EventRecorderOptions;
  readonly #correlation = new EventCorrelation();
  readonly #writer: EventWriter;
  readonly #written = new WeakMap<Series, Written>();
  readonly #counts = new Set<() => void>();

  constructor(options: EventRecorderOptions) {
    this.#options = options;
    this.#writer = new EventWriter(options.clock, options.random);
  }

  /** Tells what happened to `regarding`; returns at once. */
  record(regarding: KubeObject, happening: Happening): void {
    const judged = this.#correlation.judge(regarding, happening, this.#options.clock.monotonic());
    if (judged.verdict === 'New') this.#create(judged.series, regarding, happening);
    else if (judged.verdict === 'Repeat') this.#count(judged.series, happening);
    else if (judged.isFirst) {
      const { name } = regarding.metadata;
      this.#options.onDropped(happening, new Error(`too many events of ${name}; further ones are dropped in silence`));
    }
  }

  /** Resolves when everything recorded so far is written or dropped. */
  drain(): Promise<void> {
    return this.#writer.drain();
  }

  /**
   * Drops what couldn't be written yet, a request under way among it. For who ends while the API server is away; call
   * it after {@link drain} has had its time.
   */
  stop(): void {
    for (const cancel of this.#counts) cancel();
    this.#counts.clear();
    this.#writer.stop();
  }

  #create(series: Series, regarding: KubeObject, happening: Happening): void {
    const { client, clock, onDropped } = this.#options;
    const now = clock.now();
    const { namespace = 'default' } = regarding.metadata;
    const name = `${regarding.metadata.name}.${series.key.slice(0, 8)}${Math.trunc(now).toString(16)}`;
    const about = regarding.metadata.uid ?? regarding.metadata.name;
    this.#written.set(series, { name, namespace, about, nextCountAt: 0, isCountDue: false, seenAt: now });
    const event = {
      apiVersion: apiVersionOf(EVENTS),
      kind: EVENTS.kind,
      metadata: { name, namespace },
      eventTime: microTime(now),
      reportingController: this.#options.reporter.controller,
      reportingInstance: this.#options.reporter.instance,
      type: happening.type,
      reason: happening.reason,
      action: happening.action,
      note: cutBytes(series.note, NOTE_BYTES),
      regarding: referenceTo(regarding),
    };
    this.#writer.write({
      about,
      send: (signal) => client.create(EVENTS, event, { signal }),
      onDropped: (error) => {
        this.#correlation.forget(series);
        onDropped(happening, error);
      },
    });
  }

  /** Tells of the count now, or when the last telling is long enough ago. */
  #count(series: Series, happening: Happening): void {
    const { clock } = this.#options;
    const written = this.#written.get(series);
    if (written === undefined) return;
    written.seenAt = clock.now();
    if (written.isCountDue) return;
    written.isCountDue = true;
    const waitMs = written.nextCountAt - clock.monotonic();
    if (waitMs <= 0) {
      this.#sendCount(series, written, happening);
      return;
    }
    const cancel = clock.after(waitMs, () => {
      this.#counts.delete(cancel);
      this.#sendCount(series, written, happening);
    });
    this.#counts.add(cancel);
  }

  #sendCount(series: Series, written: Written, happening: Happening): void {
    const { client, clock, onDropped } = this.#options;
    const { name, namespace, about } = written;
    this.#writer.write({
      about,
      // It may have waited for an outage to end: what is told is what is so by now.
      send: (signal) => {
        written.isCountDue = false;
        written.nextCountAt = clock.monotonic() + COUNT_MS;
        const told = { count: series.count, lastObservedTime: microTime(written.seenAt) };
        const patch = { metadata: { name, namespace }, series: told };
        return client.patch(EVENTS, patch, { signal });
      },
      onDropped: (error) => {
        written.isCountDue = false;
        // Somebody deleted it, or the server, which keeps events for an hour.
        if (isNotFound(error)) this.#correlation.forget(series);
        else onDropped(happening, error);
      },
    });
  }
}

function referenceTo({ apiVersion, kind, metadata }: KubeObject): object {
  const { name, namespace, uid, resourceVersion } = metadata;
  return { apiVersion, kind, name, namespace, uid, resourceVersion };
}

function cutBytes(text: string, limit: number): string {
  if (Buffer.byteLength(text) <= limit) return text;
  return `${Buffer.from(text)
    .subarray(0, limit - 4)
    .toString('utf8')
    .replace(/\uFFFD$/, '')}…`;
}
