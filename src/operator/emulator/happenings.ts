import type { EmulatorStatus, MachineStatus } from '../../api/emulator/schema.ts';
import type { AgentReport } from '../../contract/agent-report.ts';
import type { Observed } from './observed.ts';
import { CONDITIONS, REASONS } from './reasons.ts';

/** An event to be written about the Emulator. */
export interface EmulatorEvent {
  readonly type: 'Normal' | 'Warning';
  readonly reason: string;
  readonly action: string;
  readonly note: string;
}

/**
 * What happened between the status that is stored and the one that is about to be: events are told from the difference,
 * so a restarted operator tells nothing twice.
 */
export function happenings(observed: Observed, next: EmulatorStatus): EmulatorEvent[] {
  const before = observed.emulator.status;
  const machines = (next.machines ?? []).flatMap((machine) => {
    const last = before?.machines?.find(({ ordinal }) => ordinal === machine.ordinal);
    return machineEvents(observed, machine, last);
  });
  return [...machines, ...conditionEvents(before, next)];
}

function machineEvents(observed: Observed, machine: MachineStatus, last: MachineStatus | undefined): EmulatorEvent[] {
  const events = [diskPrepared(observed, machine, last), stopped(machine, last)];
  if (machine.phase !== last?.phase && (machine.phase === 'AwaitingDisk' || machine.phase === 'DiskFailed')) {
    const reason = REASONS[machine.phase];
    events.push({ type: 'Warning', reason, action: 'PrepareDisk', note: `${machine.pod}: ${machine.message}` });
  }
  if (machine.ready && last?.ready !== true) {
    events.push({ type: 'Normal', reason: REASONS.MachineReady, action: 'Start', note: `${machine.pod} is ready` });
  }
  return events.filter((event) => event !== undefined);
}

/** A disk that neither the status nor its claim knew. */
function diskPrepared(
  observed: Observed,
  { disk, pod, ordinal }: MachineStatus,
  last: MachineStatus | undefined,
): EmulatorEvent | undefined {
  const known = [last?.disk?.id, observed.claims.find((claim) => claim.ordinal === ordinal)?.disk?.id];
  if (disk === undefined || known.includes(disk.id)) return undefined;
  const uid = observed.pods.find((candidate) => candidate.ordinal === ordinal)?.uid;
  const attempts = uid === undefined ? [] : (observed.contacts.get(uid)?.report?.attempts ?? []);
  const note = `${pod}: disk prepared, origin ${disk.origin} (${disk.digest}, ${disk.sizeBytes} bytes)${unused(attempts)}`;
  return { type: 'Normal', reason: REASONS.DiskPrepared, action: 'PrepareDisk', note };
}

/** Taking the second source is allowed, hiding it is not. */
function unused(attempts: AgentReport['attempts']): string {
  return attempts.map(({ source, reason, message }) => `. ${source} was not used: ${reason}: ${message}`).join('');
}

function stopped({ disk, pod }: MachineStatus, last: MachineStatus | undefined): EmulatorEvent | undefined {
  const stop = disk?.lastStop;
  if (stop === undefined || last?.disk?.id !== disk?.id || stop.at === last?.disk?.lastStop?.at) return undefined;
  const type = stop.kind === 'Unclean' ? 'Warning' : 'Normal';
  return { type, reason: REASONS.MachineStopped, action: 'Stop', note: `${pod}: ${stop.kind}: ${stop.message}` };
}

/** Volumes that grow, or can't, or have. */
function volumesResized(before: EmulatorStatus | undefined, next: EmulatorStatus): EmulatorEvent | undefined {
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

/** Conditions whose change people should hear of. */
function conditionEvents(before: EmulatorStatus | undefined, next: EmulatorStatus): EmulatorEvent[] {
  const changed = (type: string): { reason: string; message: string } | undefined => {
    const now = next.conditions?.find((condition) => condition.type === type);
    const last = before?.conditions?.find((condition) => condition.type === type);
    return now?.status === 'True' && (last?.status !== 'True' || last.reason !== now.reason) ? now : undefined;
  };
  const stalled = changed(CONDITIONS.Stalled);
  // Only from a known False: whether it is so can be unknown for a moment, and then it is no news.
  const upToDate = before?.conditions?.find(({ type }) => type === CONDITIONS.RestartRequired)?.status === 'False';
  const restart = upToDate ? changed(CONDITIONS.RestartRequired) : undefined;
  const resolved = changed(CONDITIONS.SnapshotResolved);
  const events: (EmulatorEvent | undefined)[] = [
    volumesResized(before, next),
    stalled && { type: 'Warning', reason: stalled.reason, action: 'Reconcile', note: stalled.message },
    restart && { type: 'Normal', reason: CONDITIONS.RestartRequired, action: 'Update', note: restart.message },
    resolved && { type: 'Normal', reason: CONDITIONS.SnapshotResolved, action: 'Resolve', note: resolved.message },
  ];
  return events.filter((event) => event !== undefined);
}
