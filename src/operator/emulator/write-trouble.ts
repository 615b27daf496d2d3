import type { MachineStatus } from '../../api/emulator/schema.ts';
import type { Reason } from '../../contract/reason.ts';

/** Reasons that an agent gives while its guest can't write to its disk. */
const WRITE_TROUBLE = ['VolumeFull', 'VolumeNotWritable', 'DiskIOError', 'DiskGone'] as const satisfies Reason[];

/** Does this machine's guest run, if only to be paused? */
export function hasGuest({ phase }: MachineStatus): boolean {
  return phase === 'Running' || phase === 'Paused';
}

/** Why a machine that is up can't write to its disk; undefined where it can, and while it isn't up. */
export function writeTrouble(machine: MachineStatus): (typeof WRITE_TROUBLE)[number] | undefined {
  return hasGuest(machine) ? WRITE_TROUBLE.find((reason) => reason === machine.reason) : undefined;
}
