import type { EmulatorStatus } from '../../../api/emulator/schema.ts';
import type { Happening } from '../../../kube/events.ts';
import { CONDITIONS, REASONS } from '../reasons.ts';

/** Conditions whose change people should hear of. */
export function conditionEvents(before: EmulatorStatus | undefined, next: EmulatorStatus): Happening[] {
  const changed = (type: string): { reason: string; message: string } | undefined => {
    const now = next.conditions?.find((condition) => condition.type === type);
    const last = before?.conditions?.find((condition) => condition.type === type);
    return now?.status === 'True' && (last?.status !== 'True' || last.reason !== now.reason) ? now : undefined;
  };
  const stalled = changed(CONDITIONS.Stalled);
  // Only from a known False: whether it is so can be unknown for a moment, and then it is no news.
  const upToDate = before?.conditions?.find(({ type }) => type === CONDITIONS.RestartRequired)?.status === 'False';
  const restart = upToDate ? changed(CONDITIONS.RestartRequired) : undefined;
  const held = changed(CONDITIONS.RestartRequired);
  const events: (Happening | undefined)[] = [
    volumesResized(before, next),
    stalled && { type: 'Warning', reason: stalled.reason, action: 'Reconcile', note: stalled.message },
    restart && { type: 'Normal', reason: CONDITIONS.RestartRequired, action: 'Update', note: restart.message },
    held?.reason === REASONS.UpdateHeld
      ? { type: 'Warning', reason: held.reason, action: 'Update', note: held.message }
      : undefined,
    snapshotResolved(before, next),
  ];
  return events.filter((event) => event !== undefined);
}

/** Volumes that grow, or can't, or have. */
function volumesResized(before: EmulatorStatus | undefined, next: EmulatorStatus): Happening | undefined {
  const of = (status: EmulatorStatus | undefined) =>
    status?.conditions?.find(({ type }) => type === CONDITIONS.VolumesResized);
  const [last, now] = [of(before), of(next)];
  // That volumes are large enough is news only when they weren't.
  if (now === undefined || (now.status === 'True' && last?.status !== 'False')) return undefined;
  if (now.status === last?.status && now.reason === last.reason) return undefined;
  const type = now.reason === REASONS.ExpansionRefused ? 'Warning' : 'Normal';
  const reason = now.status === 'True' ? CONDITIONS.VolumesResized : now.reason;
  return { type, reason, action: 'Resize', note: now.message };
}

/** A digest was pinned, or another one than before. */
function snapshotResolved(before: EmulatorStatus | undefined, next: EmulatorStatus): Happening | undefined {
  const [last, now] = [before?.snapshot, next.snapshot];
  if (now === undefined || (now.digest === last?.digest && now.reference === last.reference)) return undefined;
  const moved = last?.reference === now.reference && last.digest !== now.digest;
  const note = moved
    ? `${now.reference} is ${now.digest} now, and was ${last.digest}: disks that are made from now on are of the new one, those that are there stay`
    : `${now.reference} is ${now.digest}`;
  return { type: 'Normal', reason: CONDITIONS.SnapshotResolved, action: 'Resolve', note };
}
