import { deepFreeze, type KubeObject, keyOf } from './object.ts';

/** What happened to an object, as handlers are told. */
export interface Change<T> {
  readonly before: T | undefined;
  readonly after: T | undefined;
}

export type ChangeHandler<T> = (change: Change<T>) => void;

/** The values under which an index finds an object. */
export type IndexFunction<T> = (object: T) => readonly string[];

interface Index<T> {
  readonly of: IndexFunction<T>;
  readonly keys: Map<string, Set<string>>;
}

/** Until the watch has shown us our own write, or this long, the response of the write stands for the object. */
const OWN_WRITE_MS = 30_000;

interface OwnWrite<T> {
  readonly object: T;
  readonly until: number;
}

/**
 * The last known state of many objects of one kind, sealed, by `namespace/name` and by indexes.
 *
 * **Staleness.** After a write the watch takes a moment to bring it back, and whoever decides on the old object
 * would write again. So a write goes through {@link ownWrite}: its response stands in for the object until the watch
 * has delivered that very resourceVersion. Versions are only ever compared for equality, they are opaque. What if the
 * version is never delivered? A relist, the object's deletion or 30 s end the substitution. What if the operator
 * restarts? Its first list is newer than anything its predecessor wrote.
 */
export class Store<T extends KubeObject> {
  readonly #objects = new Map<string, T>();
  readonly #indexes = new Map<string, Index<T>>();
  readonly #handlers: ChangeHandler<T>[] = [];
  readonly #ownWrites = new Map<string, OwnWrite<T>>();
  readonly #inFlight = new Map<string, Set<string>>();
  readonly #onHandlerError: (error: unknown) => void;
  readonly #now: () => number;
  readonly #transform: (object: T) => T;

  constructor(options: {
    onHandlerError: (error: unknown) => void;
    now: () => number;
    /** Drops what nobody reads before an object is kept. */
    transform?: (object: T) => T;
  }) {
    this.#onHandlerError = options.onHandlerError;
    this.#now = options.now;
    this.#transform = options.transform ?? ((object) => object);
  }

  get size(): number {
    return this.#objects.size;
  }

  /** Declares an index; before any object is added. */
  addIndex(name: string, of: IndexFunction<T>): void {
    this.#indexes.set(name, { of, keys: new Map() });
  }

  onChange(handler: ChangeHandler<T>): void {
    this.#handlers.push(handler);
  }

  get(key: string): T | undefined {
    const own = this.#ownWrites.get(key);
    if (own === undefined) return this.#objects.get(key);
    if (own.until > this.#now()) return own.object;
    this.#ownWrites.delete(key);
    return this.#objects.get(key);
  }

  *values(): Generator<T> {
    for (const key of this.#objects.keys()) {
      const object = this.get(key);
      if (object !== undefined) yield object;
    }
  }

  /** Objects that the index has under `value`. */
  byIndex(name: string, value: string): T[] {
    const keys = this.#indexes.get(name)?.keys.get(value) ?? [];
    return [...keys].map((key) => this.get(key)).filter((object) => object !== undefined);
  }

  /** An object was added or changed, says the watch. */
  set(object: T): void {
    this.#put(keyOf(object), deepFreeze(this.#transform(object)));
  }

  /** An object is gone, says the watch. */
  remove(object: T): void {
    this.#put(keyOf(object), undefined);
  }

  /**
   * Takes a whole list of what `mine` covers, and tells the handlers of the differences. After a relist nothing older
   * than it comes any more, so it ends all substitutions.
   */
  replace(objects: readonly T[], mine: (object: T) => boolean): void {
    const listed = new Set(objects.map(keyOf));
    const gone = [...this.#objects].filter(([key, object]) => mine(object) && !listed.has(key));
    for (const [key] of gone) this.#put(key, undefined);
    for (const object of objects) {
      const key = keyOf(object);
      this.#ownWrites.delete(key);
      if (this.#objects.get(key)?.metadata.resourceVersion !== object.metadata.resourceVersion) this.set(object);
    }
  }

  /** Carries out a write of the object `key`; what it resolves with is what {@link get} gives from then on. */
  async ownWrite(key: string, write: () => Promise<T>): Promise<T> {
    const delivered = new Set<string>();
    this.#inFlight.set(key, delivered);
    try {
      const written = deepFreeze(this.#transform(await write()));
      const version = written.metadata.resourceVersion ?? '';
      const known = this.#objects.get(key)?.metadata.resourceVersion === version || delivered.has(version);
      if (!known) this.#ownWrites.set(key, { object: written, until: this.#now() + OWN_WRITE_MS });
      return written;
    } finally {
      if (this.#inFlight.get(key) === delivered) this.#inFlight.delete(key);
    }
  }

  #put(key: string, after: T | undefined): void {
    const before = this.#objects.get(key);
    if (before === undefined && after === undefined) return;
    const version = after?.metadata.resourceVersion ?? '';
    this.#inFlight.get(key)?.add(version);
    if (after === undefined || this.#ownWrites.get(key)?.object.metadata.resourceVersion === version) {
      this.#ownWrites.delete(key);
    }
    if (after === undefined) this.#objects.delete(key);
    else this.#objects.set(key, after);
    this.#reindex(key, before, after);
    for (const handler of this.#handlers) this.#tell(handler, { before, after });
  }

  #reindex(key: string, before: T | undefined, after: T | undefined): void {
    for (const index of this.#indexes.values()) {
      for (const value of before === undefined ? [] : index.of(before)) {
        const keys = index.keys.get(value);
        keys?.delete(key);
        if (keys?.size === 0) index.keys.delete(value);
      }
      for (const value of after === undefined ? [] : index.of(after)) {
        const keys = index.keys.get(value) ?? new Set();
        index.keys.set(value, keys.add(key));
      }
    }
  }

  #tell(handler: ChangeHandler<T>, change: Change<T>): void {
    try {
      handler(change);
    } catch (error) {
      this.#onHandlerError(error);
    }
  }
}
