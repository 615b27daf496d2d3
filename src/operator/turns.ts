import type { LeaderElection } from '../kube/lease.ts';
import type { WorkGate } from './work-gate.ts';

export interface TurnsOptions {
  readonly election: Pick<LeaderElection, 'acquire' | 'hold'>;
  readonly gate: Pick<WorkGate, 'set'>;
  /** Told when this process begins to lead, and when it ends; work begins after the first and has ended by the second. */
  readonly onTurn: (leading: boolean) => void;
}

/**
 * Takes its turn as the leader whenever it can have it, until the election is released. Who lost the Lease stands by
 * with filled caches: it has nothing to end for, and the next turn may be its own.
 */
export async function takeTurns({ election, gate, onTurn }: TurnsOptions): Promise<void> {
  while (await election.acquire()) {
    onTurn(true);
    await gate.set({ leading: true });
    const end = await election.hold();
    await gate.set({ leading: false });
    onTurn(false);
    if (end === 'Released') return;
  }
}
