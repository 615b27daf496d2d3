import type { Condition, MachineStatus } from '../../../api/emulator/schema.ts';
import type { Block } from '../checks/block.ts';
import type { Observed } from '../observed.ts';
import type { Rollout } from '../rollout.ts';
import type { SnapshotDecision } from '../snapshot.ts';

/** A condition before it is known since when it holds. */
export type ConditionState = Pick<Condition, 'type' | 'status' | 'reason' | 'message'>;

/** What conditions are computed from. */
export interface Facts {
  readonly observed: Observed;
  readonly machines: readonly MachineStatus[];
  readonly block: Block | undefined;
  readonly snapshot: SnapshotDecision | undefined;
  /** Undefined while no rolling update is under way. */
  readonly rollout: Rollout | undefined;
}

/** Machines that the spec asks for. */
export function wantedMachines({ observed, machines }: Facts): MachineStatus[] {
  return machines.filter(({ ordinal }) => ordinal < observed.emulator.spec.replicas);
}

/** What to say where the PVC that the user names isn't there. */
export function missingClaim({ observed }: Facts): string | undefined {
  const name = observed.emulator.spec.storage.existingClaim?.name;
  if (name === undefined || observed.claims.some((claim) => claim.name === name)) return undefined;
  return `PersistentVolumeClaim ${name} (spec.storage.existingClaim) does not exist. Create it.`;
}

/** `classroom-1 and 3 more`: names enough of them for a person to go and look. */
export function nameSome(machines: readonly MachineStatus[]): string {
  const first = machines.slice(0, 3).map(({ pod }) => pod);
  const more = machines.length - first.length;
  return `${first.join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
}
