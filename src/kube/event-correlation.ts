import { hash } from 'node:crypto';
import type { Happening } from './happening.ts';
import { LruMap } from './lru-map.ts';
import type { KubeObject } from './object.ts';

/** An event that was written, and how often it has happened. */
export interface Series {
  readonly key: string;
  /** How the event is told; see {@link COMBINED}. */
  readonly note: string;
  count: number;
  /** Monotonic milliseconds. */
  lastAt: number;
}

export type Verdict =
  /** Write an event. */
  | { readonly verdict: 'New'; readonly series: Series }
  /** Count up the one that was written. */
  | { readonly verdict: 'Repeat'; readonly series: Series }
  /** Too many of this object; `isFirst` since it last wasn't. */
  | { readonly verdict: 'Spam'; readonly isFirst: boolean };

/** The same event again within this time counts the first one up instead of making another; as client-go's tools/events. */
const SERIES_MS = 6 * 60_000;

/**
 * Objects, and series, that are remembered; `maxLruCacheEntries` of client-go's tools/record/events_cache.go, as the
 * numbers below are from there. Forgetting one costs at most an event of its own.
 */
const REMEMBERED = 4_096;

/** An object may have so many events at once, and one more each time so long after: `defaultSpamBurst`, `defaultSpamQPS`. */
const BURST = 25;
const REFILL_MS = 5 * 60_000;

/**
 * More than so many that differ in their notes alone, within this time of each other, become one:
 * `defaultAggregateMaxEvents`, `defaultAggregateIntervalInSeconds`.
 */
const SIMILAR = 10;
const SIMILAR_MS = 10 * 60_000;
const COMBINED = '(combined from similar events): ';

/** Tells new events from those that happen again, from those that say much the same, and from floods. */
export class EventCorrelation {
  readonly #series = new LruMap<string, Series>(REMEMBERED);
  readonly #similar = new LruMap<string, { notes: Set<string>; lastAt: number }>(REMEMBERED);
  readonly #budgets = new LruMap<string, { tokens: number; at: number; isSpam: boolean }>(REMEMBERED);

  /** What to do about a happening at `now`, in monotonic milliseconds. */
  judge({ metadata }: KubeObject, happening: Happening, now: number): Verdict {
    const uid = metadata.uid ?? `${metadata.namespace}/${metadata.name}`;
    const note = this.#combined(uid, happening, now);
    const { type, reason, action } = happening;
    const isCombined = note !== happening.note;
    const key = hashOf([uid, type, reason, action, isCombined ? COMBINED : note]);
    const known = this.#series.get(key);
    if (known !== undefined && now - known.lastAt < SERIES_MS) {
      known.count += 1;
      known.lastAt = now;
      return { verdict: 'Repeat', series: known };
    }
    const spam = this.#spend(uid, now);
    if (spam !== undefined) return { verdict: 'Spam', isFirst: spam.isFirst };
    const series: Series = { key, note, count: 1, lastAt: now };
    this.#series.set(key, series);
    return { verdict: 'New', series };
  }

  /** There is nothing to count up: the next of these is an event of its own. */
  forget(series: Series): void {
    if (this.#series.get(series.key) === series) this.#series.delete(series.key);
  }

  #combined(uid: string, { type, reason, action, note }: Happening, now: number): string {
    const key = hashOf([uid, type, reason, action]);
    const known = this.#similar.get(key);
    const group =
      known !== undefined && now - known.lastAt < SIMILAR_MS ? known : { notes: new Set<string>(), lastAt: 0 };
    group.lastAt = now;
    this.#similar.set(key, group);
    if (group.notes.has(note)) return note;
    if (group.notes.size >= SIMILAR) return `${COMBINED}${note}`;
    group.notes.add(note);
    return note;
  }

  /** Takes one from the object's budget; undefined when there was one. */
  #spend(uid: string, now: number): { isFirst: boolean } | undefined {
    const last = this.#budgets.get(uid) ?? { tokens: BURST, at: now, isSpam: false };
    const tokens = Math.min(BURST, last.tokens + (now - last.at) / REFILL_MS);
    const isSpam = tokens < 1;
    this.#budgets.set(uid, { tokens: isSpam ? tokens : tokens - 1, at: now, isSpam });
    return isSpam ? { isFirst: !last.isSpam } : undefined;
  }
}

function hashOf(parts: readonly string[]): string {
  return hash('sha256', JSON.stringify(parts), 'hex');
}
