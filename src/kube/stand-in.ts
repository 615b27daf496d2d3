import type { KubeObject } from './object.ts';
import { isLaterVersion } from './resource-version.ts';

/** What the API server told of one object: its state, or with `gone` its last one. */
export interface Sighting<T> {
  readonly object: T;
  readonly gone: boolean;
}

/**
 * What we did to an object and the watch hasn't shown yet. It stands in for what the watch showed last.
 *
 * What if the watch never shows it, because a list came in between? See {@link isSettledByList}. What if neither does?
 * Then `until` passes. What if the operator restarts? Its first list is newer than anything its predecessor wrote.
 */
export interface StandIn<T> {
  /** As it is seen meanwhile; undefined: deleted. */
  readonly object: T | undefined;
  /** The object that was written or deleted. */
  readonly subject: T;
  /** On the monotonic clock, milliseconds. */
  readonly until: number;
  /** How many lists had begun when the API server had answered. */
  readonly listing: number;
  readonly isSettledBy: (sighting: Sighting<T>) => boolean;
}

/** A write is settled by its own version, by a later one, or by the end of that very object. */
export function settlesWrite<T extends KubeObject>(written: T): StandIn<T>['isSettledBy'] {
  const { uid, resourceVersion } = written.metadata;
  return ({ object, gone }) => {
    const seen = object.metadata;
    if (isLaterVersion(seen.resourceVersion, resourceVersion)) return true;
    // Of an object that was made anew, the end of its predecessor may still be on its way.
    return gone ? seen.uid === uid : seen.resourceVersion === resourceVersion;
  };
}

/**
 * A deletion is settled when the object is gone, is seen to be leaving, or another has its name. What is seen of it
 * without that is from before.
 */
export function settlesDeletion<T extends KubeObject>(deleted: T): StandIn<T>['isSettledBy'] {
  const { uid, resourceVersion } = deleted.metadata;
  return ({ object, gone }) => {
    const seen = object.metadata;
    if (seen.uid === uid) return gone || seen.deletionTimestamp !== undefined;
    return !gone && !isLaterVersion(resourceVersion, seen.resourceVersion);
  };
}

/** A list that has arrived. */
export interface Listing<T> {
  /** How many lists had begun when it was asked for, itself included. */
  readonly number: number;
  /** What it covers. */
  readonly mine: (object: T) => boolean;
  readonly listed: ReadonlyMap<string, T>;
  /** Of the collection, when the list was made. */
  readonly resourceVersion: string;
}

/**
 * A list shows all that was answered before it was asked for. What was answered since may be in it or not: then its
 * version tells, or else it isn't settled.
 */
export function isSettledByList<T extends KubeObject>(key: string, standIn: StandIn<T>, list: Listing<T>): boolean {
  if (!list.mine(standIn.subject)) return false;
  if (standIn.listing < list.number) return true;
  const listed = list.listed.get(key);
  if (listed !== undefined) return standIn.isSettledBy({ object: listed, gone: false });
  if (standIn.object === undefined) return true;
  const { resourceVersion } = standIn.object.metadata;
  return list.resourceVersion === resourceVersion || isLaterVersion(list.resourceVersion, resourceVersion);
}
