const QUIET_MS = 15_000;

/**
 * Tells whoever listens on quiet connections that another one fell silent. A watch that nobody writes to can't tell a
 * quiet server from a network that swallows everything, and would wait for its own timeout, minutes later.
 *
 * Invariant: it rings at most once in 15 s. While it is the server that hangs on something (etcd, a webhook) every
 * request falls silent, and whoever listens would begin anew with each of them, against a server in trouble. Who began
 * anew on a network that still swallows everything finds that out by itself in as long.
 */
export class Alarm {
  readonly #now: () => number;
  #rangAt = Number.NEGATIVE_INFINITY;
  readonly #listeners = new Set<(since: number) => void>();

  /** @param now milliseconds on a clock that nobody sets */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  /** Calls `listener` at each {@link ring} until the returned function is called. */
  onRing(listener: (since: number) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** @param since when the silence began, on `performance.now()`: what was heard later proves that a connection lives */
  ring(since: number): void {
    const now = this.#now();
    if (now - this.#rangAt < QUIET_MS) return;
    this.#rangAt = now;
    for (const listener of [...this.#listeners]) listener(since);
  }
}
