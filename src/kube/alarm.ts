/**
 * Tells whoever listens on quiet connections that another one fell silent. A watch that nobody writes to can't tell a
 * quiet server from a network that swallows everything, and would wait for its own timeout, minutes later.
 */
export class Alarm {
  readonly #listeners = new Set<(since: number) => void>();

  /** Calls `listener` at each {@link ring} until the returned function is called. */
  onRing(listener: (since: number) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** @param since when the silence began, on `performance.now()`: what was heard later proves that a connection lives */
  ring(since: number): void {
    for (const listener of [...this.#listeners]) listener(since);
  }
}
