import type { EmulatorStatus } from '../../../api/emulator/schema.ts';
import type { Happening } from '../../../kube/events.ts';
import type { Observed } from '../observed.ts';
import { conditionEvents } from './conditions.ts';
import { diskEvents } from './disk.ts';
import { machineEvents } from './machine.ts';

/**
 * What happened between the status that is stored and the one that is about to be: events are told from the difference,
 * so a restarted operator tells nothing twice.
 */
export function happenings(observed: Observed, next: EmulatorStatus): Happening[] {
  const before = observed.emulator.status;
  const machines = (next.machines ?? []).flatMap((machine) => {
    const last = before?.machines?.find(({ ordinal }) => ordinal === machine.ordinal);
    return [...diskEvents(observed, machine, last), ...machineEvents(observed, machine, last)];
  });
  return [...machines, ...conditionEvents(before, next)];
}
