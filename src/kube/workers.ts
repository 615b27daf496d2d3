/** Something that has pieces of work to be done, such as a queue. */
export interface WorkSource {
  /** Begins the next piece of work and returns its end, which never rejects; undefined when there is none to begin. */
  begin(): Promise<void> | undefined;
}

/**
 * A number of workers that the queues of several kinds share, so that more kinds don't mean more load.
 *
 * Invariants: no more pieces of work at once than workers; no worker idle while a source has work; a free worker goes
 * to the source whose last turn is longest ago, so that 2,000 keys of one kind hold up a key of another kind by no
 * more than the end of one piece of work.
 *
 * @example
 * const workers = new Workers(8);
 * const machines = new WorkQueue({ workers, work: reconcileMachine, clock, random });
 * const snapshots = new WorkQueue({ workers, work: reconcileSnapshot, clock, random });
 */
export class Workers {
  readonly #count: number;
  /** Whose turn is next comes first. */
  readonly #sources: WorkSource[] = [];
  #busy = 0;
  #dispatching = false;

  constructor(count: number) {
    this.#count = count;
  }

  join(source: WorkSource): void {
    this.#sources.push(source);
  }

  /** A source may have work: gives it to the workers that are free. */
  dispatch(): void {
    // Work that adds work while it is begun comes back here; the loop that began it goes on anyway.
    if (this.#dispatching) return;
    this.#dispatching = true;
    try {
      while (this.#busy < this.#count && this.#giveTurn());
    } finally {
      this.#dispatching = false;
    }
  }

  #giveTurn(): boolean {
    for (const [turn, source] of this.#sources.entries()) {
      const work = source.begin();
      if (work === undefined) continue;
      this.#sources.push(...this.#sources.splice(turn, 1));
      this.#busy += 1;
      void work.finally(() => {
        this.#busy -= 1;
        this.dispatch();
      });
      return true;
    }
    return false;
  }
}
