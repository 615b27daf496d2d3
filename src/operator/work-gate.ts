import type { WorkQueue } from '../kube/work-queue.ts';

/** What has to be so for work to be done. */
export interface WorkConditions {
  /** The caches hold all there is: on less, what is missing would be made a second time. */
  readonly synced: boolean;
  /** This process has the Lease, or there is no election. */
  readonly leading: boolean;
  /** The Lease could be renewed in time: without, every write would fail at the fence. */
  readonly renewed: boolean;
}

/**
 * Lets a queue work exactly while all of {@link WorkConditions} hold, in whatever order they come and go: the Lease
 * may be had and lost before the caches are filled.
 */
export class WorkGate {
  readonly #queue: Pick<WorkQueue, 'start' | 'pause'>;
  #conditions: WorkConditions = { synced: false, leading: false, renewed: true };

  constructor(queue: Pick<WorkQueue, 'start' | 'pause'>) {
    this.#queue = queue;
  }

  /** What holds now. */
  get conditions(): WorkConditions {
    return this.#conditions;
  }

  /**
   * Resolves when the queue does as the conditions say: while it has to pause, what was in work has ended by then, also
   * what an earlier change made it pause with.
   */
  async set(change: Partial<WorkConditions>): Promise<void> {
    const before = isOpen(this.#conditions);
    this.#conditions = { ...this.#conditions, ...change };
    const after = isOpen(this.#conditions);
    if (!after) await this.#queue.pause();
    else if (!before) this.#queue.start();
  }
}

function isOpen({ synced, leading, renewed }: WorkConditions): boolean {
  return synced && leading && renewed;
}
