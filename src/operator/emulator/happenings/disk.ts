import type { MachineStatus } from '../../../api/emulator/schema.ts';
import type { AgentReport } from '../../../contract/agent-report.ts';
import type { Happening } from '../../../kube/events.ts';
import { saysNoDisk } from '../disks/adopt.ts';
import type { Observed, ObservedClaim } from '../observed.ts';
import { REASONS } from '../reasons.ts';

type Disk = NonNullable<MachineStatus['disk']>;

const action = 'PrepareDisk';

/** What happened to a machine's disk: it was made, took the place of a damaged one, was swapped, or is gone. */
export function diskEvents(observed: Observed, machine: MachineStatus, last: MachineStatus | undefined): Happening[] {
  const claim = observed.claims.find(({ ordinal }) => ordinal === machine.ordinal);
  // The status first: the claim may have been told of the disk by a pass that could not store its status.
  const known: Pick<Disk, 'id' | 'origin' | 'preparedAt'> | undefined = last?.disk ?? claim?.disk;
  const { disk } = machine;
  const where = claim === undefined ? '' : ` PersistentVolumeClaim ${claim.name}`;
  if (disk === undefined) return last?.disk === undefined ? [] : diskMissing(observed, machine, last.disk, claim);
  if (disk.id === known?.id) return [];
  const prepared = diskPrepared(observed, machine, disk);
  if (disk.predecessor !== undefined) return [quarantined(machine, disk.predecessor, where), prepared];
  return known === undefined || !onVolume(observed) ? [prepared] : [replaced(machine, disk, known, where), prepared];
}

/** An Ephemeral disk goes with its pod: another one is no news. */
function onVolume({ emulator }: Observed): boolean {
  return emulator.spec.storage.mode !== 'Ephemeral';
}

function diskPrepared(observed: Observed, { pod, ordinal }: MachineStatus, disk: Disk): Happening {
  const uid = observed.pods.find((candidate) => candidate.ordinal === ordinal)?.uid;
  const attempts = uid === undefined ? [] : (observed.contacts.get(uid)?.report?.attempts ?? []);
  const note = `${pod}: disk prepared, origin ${disk.origin} (${disk.digest}, ${disk.sizeBytes} bytes)${unused(attempts)}`;
  return { type: 'Normal', reason: REASONS.DiskPrepared, action, note };
}

/** Taking the second source is allowed, hiding it is not. */
function unused(attempts: AgentReport['attempts']): string {
  return attempts.map(({ source, reason, message }) => `. ${source} was not used: ${reason}: ${message}`).join('');
}

function quarantined(
  { pod }: MachineStatus,
  { path, reason, message }: NonNullable<Disk['predecessor']>,
  where: string,
): Happening {
  const note =
    `${pod}: the disk was damaged and another one took its place, as disk.onCorruption asks. The damaged one lies at ` +
    `${path} on${where || ' the volume'}, and nothing deletes it. What was found: ${reason}: ${message}`;
  return { type: 'Warning', reason: REASONS.DiskQuarantined, action, note };
}

function replaced(
  { pod }: MachineStatus,
  disk: Disk,
  known: Pick<Disk, 'id' | 'origin' | 'preparedAt'>,
  where: string,
): Happening {
  const note =
    `${pod}: the volume${where} has another disk than before: it was emptied, swapped or written to by others. Now: ${nameDisk(disk)}; ` +
    `before: ${nameDisk(known)}. If nobody meant that, stop the machine (spec.powerState) and look for the old disk.`;
  return { type: 'Warning', reason: REASONS.DiskReplaced, action, note };
}

/** What became of a disk that was known; undefined while nobody has said that it is gone. */
function whyMissing(
  { emulator, pods, contacts }: Observed,
  { ordinal }: MachineStatus,
  claim: ObservedClaim | undefined,
): string | undefined {
  if (claim === undefined) return 'its PersistentVolumeClaim is gone, and the disk with it';
  const uid = pods.find((candidate) => candidate.ordinal === ordinal)?.uid;
  if (uid === undefined || !saysNoDisk(contacts.get(uid)?.report)) return undefined;
  const aside =
    emulator.spec.disk.onCorruption === 'Reprovision' ? ', or its disk was damaged and lies in .loco/quarantine' : '';
  return `the volume PersistentVolumeClaim ${claim.name} has no disk any more: it was emptied or swapped${aside}`;
}

function diskMissing(
  observed: Observed,
  machine: MachineStatus,
  known: Disk,
  claim: ObservedClaim | undefined,
): Happening[] {
  const why = onVolume(observed) ? whyMissing(observed, machine, claim) : undefined;
  if (why === undefined) return [];
  const note = `${machine.pod}: ${why}. Before: ${nameDisk(known)}.`;
  return [{ type: 'Warning', reason: REASONS.DiskMissing, action, note }];
}

function nameDisk({ id, origin, preparedAt }: Pick<Disk, 'id' | 'origin' | 'preparedAt'>): string {
  return `disk ${id}, origin ${origin}, prepared at ${preparedAt}`;
}
