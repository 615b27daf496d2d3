import { CONDITIONS, REASONS } from '../reasons.ts';
import type { ConditionState, Facts } from './condition.ts';

const type = CONDITIONS.SnapshotResolved;

/** Is it known which bytes the snapshot's reference stands for? Absent without a snapshot. */
export function snapshotResolved({ snapshot }: Facts): ConditionState | undefined {
  if (snapshot === undefined) return undefined;
  const { reason, message } = snapshot;
  if (snapshot.pinned !== undefined) return { type, status: 'True', reason, message };
  const unknown = reason === REASONS.Resolving || reason === REASONS.NotResolving;
  return { type, status: unknown ? 'Unknown' : 'False', reason, message };
}
