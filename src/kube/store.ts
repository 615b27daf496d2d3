import { setImmediate as nextTurn } from 'node:timers/promises';
import type { DeleteOutcome } from './client.ts';
import { deepFreeze, type KubeObject, keyOf } from './object.ts';
import { isLaterVersion } from './resource-version.ts';
import { shareParts } from './share-parts.ts';
import {
  isSettledByList,
  type Listing,
  type Sighting,
  type StandIn,
  settlesDeletion,
  settlesWrite,
} from './stand-in.ts';
import { type IndexFunction, StoreIndex } from './store-index.ts';
import type { StringPool } from './string-pool.ts';

/** What happened to an object, as handlers are told. */
export interface Change<T> {
  readonly before: T | undefined;
  readonly after: T | undefined;
}

export type ChangeHandler<T> = (change: Change<T>) => void;

/** A whole list on its way into a store. */
export interface Fill<T> {
  /** One of the list; a second of that name takes its place. */
  add(object: T): void;
  /** Not one of the list any more. */
  remove(object: T): void;
  /** That was all, as of this version of the collection: tells the handlers of the differences, a batch a turn. */
  end(resourceVersion: string): Promise<void>;
}

export interface StoreOptions<T> {
  readonly onHandlerError: (error: unknown) => void;
  /** A clock that nobody sets, in milliseconds. */
  readonly now: () => number;
  /** Drops what nobody reads before an object is kept. */
  readonly transform?: (object: T) => T;
  /** Where strings are kept that many objects have in common. */
  readonly strings?: StringPool;
}

/** What was seen while a write of ours was on its way. */
interface Flight<T> {
  readonly sightings: Sighting<T>[];
  readonly lists: Listing<T>[];
}

/** For so long the answer to a write stands for the object, when neither watch nor list settles it. */
const STAND_IN_MS = 30_000;

/** Objects that are put into the store in one turn of the event loop. */
const BATCH = 250;

/**
 * The last known state of many objects of one kind, sealed, by `namespace/name` and by indexes.
 *
 * **Staleness.** After a write the watch takes a moment to bring it back, and whoever decides on the old object would
 * write again. So writes go through {@link ownWrite} and deletes through {@link ownDelete}: what they made stands in
 * for the object, in everything that this store gives out, until the watch or a list has shown it (`stand-in.ts`).
 *
 * Invariants: with nothing on its way it holds what the API server has; handlers hear of each difference that is seen,
 * once, in order, and of a stand-in that turned out otherwise; a handler that throws is reported and holds up nobody;
 * what is given out can't be changed.
 */
export class Store<T extends KubeObject> {
  readonly #options: StoreOptions<T>;
  readonly #observed = new Map<string, T>();
  readonly #indexes = new Map<string, StoreIndex<T>>();
  readonly #handlers: ChangeHandler<T>[] = [];
  readonly #standIns = new Map<string, StandIn<T>>();
  readonly #flights = new Map<string, Set<Flight<T>>>();
  #listings = 0;
  #newest: T | undefined;

  constructor(options: StoreOptions<T>) {
    this.#options = options;
  }

  /** How many objects the API server has, as far as it is known. */
  get size(): number {
    return this.#observed.size;
  }

  /** Declares an index; before any object is added. */
  addIndex(name: string, of: IndexFunction<T>): void {
    this.#indexes.set(name, new StoreIndex(of));
  }

  onChange(handler: ChangeHandler<T>): void {
    this.#handlers.push(handler);
  }

  get(key: string): T | undefined {
    const standIn = this.#standIns.get(key);
    if (standIn !== undefined && standIn.until <= this.#options.now()) this.#settle(key, standIn);
    return this.#view(key);
  }

  *values(): Generator<T> {
    for (const key of this.#observed.keys()) {
      const object = this.get(key);
      if (object !== undefined) yield object;
    }
    for (const [key, { object }] of this.#standIns) {
      if (object !== undefined && !this.#observed.has(key)) yield object;
    }
  }

  /** Objects that the index has under `value`. */
  byIndex(name: string, value: string): T[] {
    const keys = [...(this.#indexes.get(name)?.keys(value) ?? [])];
    for (const key of keys) this.get(key);
    return [...(this.#indexes.get(name)?.keys(value) ?? [])]
      .map((key) => this.#view(key))
      .filter((object) => object !== undefined);
  }

  /** An object was added or changed, says the watch. */
  set(object: T): void {
    this.#see({ object: this.#keep(object), gone: false });
  }

  /** An object is gone, says the watch. */
  remove(object: T): void {
    this.#see({ object, gone: true });
  }

  /**
   * Begins to take a whole list of what `mine` covers. To be called before the list is asked for: what was written
   * since then may not be in it.
   */
  beginFill(mine: (object: T) => boolean): Fill<T> {
    this.#listings += 1;
    const number = this.#listings;
    const listed = new Map<string, T>();
    return {
      add: (object) => listed.set(keyOf(object), this.#keep(object)),
      remove: (object) => listed.delete(keyOf(object)),
      end: (resourceVersion) => this.#fill({ number, listed, mine, resourceVersion }),
    };
  }

  /** Ends what stood in for too long. To be called now and then: nobody may ever ask for such an object again. */
  expire(): void {
    for (const key of [...this.#standIns.keys()]) this.get(key);
  }

  /** Carries out a write of the object `key`; what it resolves with is what {@link get} gives from then on. */
  async ownWrite(key: string, write: () => Promise<T>): Promise<T> {
    return this.#fly(key, async (flight) => {
      const written = this.#keep(await write());
      const isSettledBy = settlesWrite(written);
      this.#standIn(key, flight, { object: written, subject: written, isSettledBy });
      return written;
    });
  }

  /** Carries out the deletion of the object `key`, which {@link get} gives as gone, or as going, from then on. */
  async ownDelete(key: string, deletion: () => Promise<DeleteOutcome>): Promise<DeleteOutcome> {
    const subject = this.get(key);
    return this.#fly(key, async (flight) => {
      const outcome = await deletion();
      if (subject === undefined || outcome === 'Replaced') return outcome;
      const object = outcome === 'Terminating' ? this.#leaving(subject) : undefined;
      this.#standIn(key, flight, { object, subject, isSettledBy: settlesDeletion(subject) });
      return outcome;
    });
  }

  #leaving(subject: T): T {
    const deletionTimestamp = subject.metadata.deletionTimestamp ?? new Date().toISOString();
    return deepFreeze({ ...subject, metadata: { ...subject.metadata, deletionTimestamp } });
  }

  async #fly<R>(key: string, write: (flight: Flight<T>) => Promise<R>): Promise<R> {
    const flight: Flight<T> = { sightings: [], lists: [] };
    const flights = this.#flights.get(key) ?? new Set();
    this.#flights.set(key, flights.add(flight));
    try {
      return await write(flight);
    } finally {
      flights.delete(flight);
      if (flights.size === 0) this.#flights.delete(key);
    }
  }

  #standIn(key: string, { sightings, lists }: Flight<T>, made: Made<T> & Pick<StandIn<T>, 'isSettledBy'>): void {
    const standIn = { ...made, until: this.#options.now() + STAND_IN_MS, listing: this.#listings };
    // Of two writes at a time, the answer to the first may come last.
    const other = this.#standIns.get(key);
    if (other !== undefined && isOvertaken(made, other)) return;
    // A write that changed nothing brings what is there already.
    const now = made.object === undefined ? undefined : this.#observed.get(key);
    const seen = now === undefined ? sightings : [...sightings, present(now)];
    const isSettled = seen.some(made.isSettledBy) || lists.some((list) => isSettledByList(key, standIn, list));
    this.#reindexed(key, () => {
      if (isSettled) this.#standIns.delete(key);
      else this.#standIns.set(key, standIn);
    });
  }

  /** The stand-in's time is over; whoever decided by it has to look again if it wasn't so. */
  #settle(key: string, { object }: StandIn<T>): void {
    this.#reindexed(key, () => this.#standIns.delete(key));
    const after = this.#observed.get(key);
    if (object?.metadata.resourceVersion !== after?.metadata.resourceVersion) this.#tell({ before: object, after });
  }

  async #fill(list: Listing<T>): Promise<void> {
    const { listed, mine } = list;
    const gone = [...this.#observed].filter(([key, object]) => !listed.has(key) && mine(object));
    const sightings = [
      ...gone.map(([, object]) => ({ object, gone: true })),
      ...[...listed.values()].filter((object) => this.#observed.get(keyOf(object)) !== object).map(present),
    ];
    for (const [index, sighting] of sightings.entries()) {
      if (index % BATCH === BATCH - 1) await nextTurn();
      this.#observe(sighting);
    }
    for (const flight of [...this.#flights.values()].flatMap((flights) => [...flights])) flight.lists.push(list);
    for (const [key, standIn] of [...this.#standIns]) {
      if (isSettledByList(key, standIn, list)) this.#settle(key, standIn);
    }
  }

  #see(sighting: Sighting<T>): void {
    const key = keyOf(sighting.object);
    if (this.#standIns.get(key)?.isSettledBy(sighting)) this.#reindexed(key, () => this.#standIns.delete(key));
    this.#observe(sighting);
  }

  #observe(sighting: Sighting<T>): void {
    const key = keyOf(sighting.object);
    for (const { sightings } of this.#flights.get(key) ?? []) sightings.push(sighting);
    const before = this.#observed.get(key);
    const after = sighting.gone ? undefined : sighting.object;
    if (before === after) return;
    this.#reindexed(key, () => {
      if (after === undefined) this.#observed.delete(key);
      else this.#observed.set(key, after);
    });
    this.#tell({ before, after });
  }

  #view(key: string): T | undefined {
    const standIn = this.#standIns.get(key);
    return standIn === undefined ? this.#observed.get(key) : standIn.object;
  }

  /** The very same object when nothing changed, so that a relist neither copies it nor tells of it. */
  #keep(object: T): T {
    const { uid, resourceVersion } = object.metadata;
    const known = this.#observed.get(keyOf(object));
    if (resourceVersion !== undefined && known?.metadata.resourceVersion === resourceVersion) {
      if (known.metadata.uid === uid) return known;
    }
    const { transform, strings } = this.#options;
    const fresh = transform?.(object) ?? object;
    // An object is hardly ever quite unlike the one before it, and its own last version is most like it.
    shareParts(fresh, known ?? this.#newest);
    this.#newest = deepFreeze(fresh, strings && ((text) => strings.one(text)));
    return this.#newest;
  }

  #reindexed(key: string, change: () => void): void {
    const before = this.#view(key);
    change();
    const after = this.#view(key);
    if (before !== after) for (const index of this.#indexes.values()) index.move(key, before, after);
  }

  #tell(change: Change<T>): void {
    for (const handler of this.#handlers) {
      try {
        handler(change);
      } catch (error) {
        this.#options.onHandlerError(error);
      }
    }
  }
}

type Made<T> = Pick<StandIn<T>, 'object' | 'subject'>;

/** Did another answer, which came before, bring what was done after this? */
function isOvertaken<T extends KubeObject>(made: Made<T>, other: Made<T>): boolean {
  const { uid, resourceVersion } = made.subject.metadata;
  const isLater = isLaterVersion((other.object ?? other.subject).metadata.resourceVersion, resourceVersion);
  if (other.subject.metadata.uid !== uid) return isLater;
  const isWrite = made.object === made.subject;
  // What was deleted was written before, and nothing is written after.
  return isWrite && (other.object === undefined || isLater);
}

function present<T>(object: T): Sighting<T> {
  return { object, gone: false };
}
