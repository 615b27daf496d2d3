import type { MachineStatus } from '../../api/emulator/schema.ts';
import { REASONS } from './reasons.ts';

/** Reasons that an agent reports while its guest can't write to its disk. */
const REASONS_OF_TROUBLE: readonly string[] = [
  REASONS.VolumeFull,
  REASONS.VolumeNotWritable,
  REASONS.DiskIOError,
  REASONS.DiskGone,
];

/** Does this machine's guest run, if only to be paused? */
export function hasGuest({ phase }: MachineStatus): boolean {
  return phase === 'Running' || phase === 'Paused';
}

/** Why a machine that is up can't write to its disk; undefined where it can, and while it isn't up. */
export function writeTrouble(machine: MachineStatus): string | undefined {
  if (!hasGuest(machine) || machine.reason === undefined) return undefined;
  return REASONS_OF_TROUBLE.includes(machine.reason) ? machine.reason : undefined;
}
