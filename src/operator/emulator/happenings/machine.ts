import type { MachineStatus } from '../../../api/emulator/schema.ts';
import type { Happening } from '../../../kube/events.ts';
import type { Observed, ObservedPod } from '../observed.ts';
import { CONDITIONS, REASONS } from '../reasons.ts';
import { hasGuest, writeTrouble } from '../write-trouble.ts';

/** What happened to a machine, told from what it was and what it is. */
export function machineEvents(
  { pods }: Observed,
  machine: MachineStatus,
  last: MachineStatus | undefined,
): Happening[] {
  const pod = pods.find(({ ordinal }) => ordinal === machine.ordinal);
  return [
    stopped(machine, last),
    poweredOff(machine, last),
    restarted(machine, last, pod),
    evicted(machine, last),
    noDisk(machine, last),
    writing(machine, last),
    becameReady(machine, last),
  ].filter((event) => event !== undefined);
}

/** A guest ended, and how. */
function stopped({ disk, pod }: MachineStatus, last: MachineStatus | undefined): Happening | undefined {
  const stop = disk?.lastStop;
  if (stop === undefined || last?.disk?.id !== disk?.id || stop.at === last?.disk?.lastStop?.at) return undefined;
  const type = stop.kind === 'Unclean' ? 'Warning' : 'Normal';
  return { type, reason: REASONS.MachineStopped, action: 'Stop', note: `${pod}: ${stop.kind}: ${stop.message}` };
}

function poweredOff({ phase, pod, message }: MachineStatus, last: MachineStatus | undefined) {
  if (phase !== 'PoweredOff' || last?.phase === phase) return undefined;
  return event('Normal', REASONS.GuestPoweredOff, 'PowerOff', `${pod}: ${message}`);
}

/** Kubelet started the container again: a crash loop must not hide what happened in it. */
function restarted(
  { restarts = 0, pod, message }: MachineStatus,
  last: MachineStatus | undefined,
  observed: ObservedPod | undefined,
): Happening | undefined {
  if (restarts <= (last?.restarts ?? 0)) return undefined;
  const times = restarts === 1 ? 'once' : `${restarts} times`;
  const why = observed?.lastEnd?.message ?? message;
  return event('Warning', REASONS.MachineRestarted, 'Start', `${pod} was started again (${times} in this pod): ${why}`);
}

function evicted({ reason, pod, message }: MachineStatus, last: MachineStatus | undefined) {
  if (reason !== 'Evicted' || last?.reason === reason) return undefined;
  return event('Warning', REASONS.MachineEvicted, 'Evict', `${pod}: ${message}`);
}

/** A machine can't get on without somebody, or for a reason that somebody should know. */
function noDisk({ phase, reason, pod, message }: MachineStatus, last: MachineStatus | undefined) {
  if (phase !== 'AwaitingDisk' && phase !== 'DiskFailed') return undefined;
  if (phase === last?.phase && reason === last.reason) return undefined;
  return event('Warning', REASONS[phase], 'PrepareDisk', `${pod}: ${message}`);
}

/** A guest can't write to its disk, or can again. */
function writing(machine: MachineStatus, last: MachineStatus | undefined): Happening | undefined {
  const { pod, message } = machine;
  const trouble = writeTrouble(machine);
  const before = last && writeTrouble(last);
  if (trouble === before) return undefined;
  if (trouble !== undefined) return event('Warning', trouble, 'WriteDisk', `${pod}: ${message}`);
  if (!hasGuest(machine)) return undefined;
  return event('Normal', CONDITIONS.DisksWritable, 'WriteDisk', `${pod} can write to its disk again`);
}

function becameReady({ ready, pod }: MachineStatus, last: MachineStatus | undefined): Happening | undefined {
  if (!ready || last?.ready === true) return undefined;
  return event('Normal', REASONS.MachineReady, 'Start', `${pod} is ready`);
}

function event(type: Happening['type'], reason: string, action: string, note: string): Happening {
  return { type, reason, action, note };
}
