/** The values under which an index finds an object. */
export type IndexFunction<T> = (object: T) => readonly string[];

/** Keys of objects by a value of theirs. */
export class StoreIndex<T> {
  readonly #of: IndexFunction<T>;
  readonly #keys = new Map<string, Set<string>>();

  constructor(of: IndexFunction<T>) {
    this.#of = of;
  }

  keys(value: string): Iterable<string> {
    return this.#keys.get(value) ?? [];
  }

  move(key: string, before: T | undefined, after: T | undefined): void {
    const old = before === undefined ? [] : this.#of(before);
    const now = after === undefined ? [] : this.#of(after);
    for (const value of old) if (!now.includes(value)) this.#remove(key, value);
    for (const value of now) this.#add(key, value);
  }

  #add(key: string, value: string): void {
    const keys = this.#keys.get(value);
    if (keys === undefined) this.#keys.set(value, new Set([key]));
    else keys.add(key);
  }

  #remove(key: string, value: string): void {
    const keys = this.#keys.get(value);
    keys?.delete(key);
    if (keys?.size === 0) this.#keys.delete(value);
  }
}
