import { isRecordedFile, wasWrittenMeanwhile } from '../disk/identity.ts';
import type { OpenDisk } from '../disk/open-disk.ts';
import { reportedDisk } from '../disk/record.ts';
import { volumeFiles } from '../disk/volume-files.ts';
import { type Failure, failed, messageOf, type Result, success } from '../failure.ts';
import { type LifeEnd, runGuest } from './guest-run.ts';
import type { Machine } from './machine.ts';
import { countMemoryKills } from './memory-kills.ts';
import { type Qemu, startQemu } from './qemu-process.ts';
import { prepareStart, type StartNeeds } from './start-needs.ts';

/**
 * One life of QEMU, from the checks before it to the record after it:
 * 1. what it needs: VNC password, time zone, KVM where wanted, hardware (start-needs.ts);
 * 2. the disk is still the file that was opened, as it was left;
 * 3. the record says `Running`, on the volume, before QEMU starts;
 * 4. the guest runs and is watched until it is off, QEMU ends, or `stop` aborts (guest-run.ts);
 * 5. the record says how it ended, or what it said before when no guest ran.
 */
export async function liveOnce(machine: Machine, disk: OpenDisk, stop: AbortSignal): Promise<LifeEnd> {
  machine.report.update({ phase: 'Starting', ready: false, reason: undefined, message: 'QEMU is being started.' });
  const needed = await prepareStart(machine, disk.record);
  if (!needed.ok) {
    return { kind: 'NotStarted', failure: needed.failure };
  }
  const changed = await changeOf(disk);
  if (changed !== undefined) {
    return { kind: 'NotStarted', failure: changed, disk: 'Changed' };
  }
  const before = disk.record.state;
  const recorded = await writeRecord(machine, disk, { hardware: needed.value.hardware, state: 'Running' });
  if (!recorded.ok) {
    return { kind: 'NotStarted', failure: recorded.failure };
  }
  const started = await start(machine, disk, needed.value, stop);
  if (!started.ok) {
    await writeRecord(machine, disk, { state: before });
    return { kind: 'NotStarted', failure: started.failure };
  }
  const end = await live(machine, started.value, disk.record.inode, stop);
  if (end.kind === 'NotStarted') {
    machine.log.info({ failure: end.failure }, 'QEMU ended before its guest ran');
    await writeRecord(machine, disk, { state: before });
    return end;
  }
  return recordEnd(machine, disk, end);
}

/** Long may have gone by since the disk was opened, and QEMU opens whatever has its name. */
async function changeOf({ path, record }: OpenDisk): Promise<Failure | undefined> {
  try {
    const file = await volumeFiles.facts(path);
    if (file !== undefined && isRecordedFile(record, file) && !wasWrittenMeanwhile(record, file)) {
      return undefined;
    }
    const message = 'The disk was removed, replaced or written to while no machine ran: it is looked at again.';
    return { reason: 'DiskGone', message };
  } catch (error) {
    return { reason: 'DiskUnreadable', message: `${path} can't be read: ${messageOf(error)}.` };
  }
}

async function start(machine: Machine, disk: OpenDisk, needs: StartNeeds, stop: AbortSignal): Promise<Result<Qemu>> {
  const started = await startQemu({
    program: machine.qemuProgram,
    arguments: needs.arguments,
    endpoints: machine.endpoints,
    lockDescriptor: disk.lockDescriptor,
    stop,
    clock: machine.clock,
    log: machine.log,
  });
  if (started.ok) {
    const { pid, qmp } = started.value;
    const { machineType: type, macAddress } = needs.hardware;
    machine.report.update({ machine: { type, macAddress, qemuVersion: qmp.qemuVersion } });
    machine.log.info({ pid, ...needs.hardware, qemuVersion: qmp.qemuVersion }, 'QEMU started');
  }
  return started;
}

async function live(machine: Machine, qemu: Qemu, inode: number, stop: AbortSignal): Promise<LifeEnd> {
  const killsBefore = await countMemoryKills(machine.memoryKillCounters);
  machine.onQemu(qemu);
  const end = await runGuest(machine, qemu, inode, stop);
  machine.onQemu(undefined);
  qemu.qmp.close();
  qemu.serial.close();
  const kills = await countMemoryKills(machine.memoryKillCounters);
  const wasKilled = (await qemu.exited).signal === 'SIGKILL' && (kills ?? 0) > (killsBefore ?? 0);
  return wasKilled && (end.kind === 'Crashed' || end.kind === 'Stopped') ? outOfMemory(end) : end;
}

function outOfMemory(end: Extract<LifeEnd, { kind: 'Crashed' | 'Stopped' }>): LifeEnd {
  const message =
    "QEMU was killed because the container's memory limit was reached. Give the container more memory (pod.resources.limits.memory), or leave the limit to the operator, which computes it.";
  const ending = { kind: 'Unclean', message } as const;
  return end.kind === 'Crashed' ? { ...end, reason: 'OutOfMemory', ending } : { ...end, ending };
}

/** An end that can't be recorded is told of all the same: the record still says `Running`. */
async function recordEnd<T extends Exclude<LifeEnd, { kind: 'NotStarted' }>>(
  machine: Machine,
  disk: OpenDisk,
  end: T,
): Promise<T> {
  const lastStop = { ...end.ending, at: new Date(machine.clock.now()).toISOString() };
  machine.log.info({ end: end.kind, lastStop }, 'QEMU ended');
  const recorded = await writeRecord(machine, disk, { state: 'Stopped', lastStop });
  if (recorded.ok) {
    return end;
  }
  const message = `${end.ending.message} ${recorded.failure.message} The next start will take this for an unclean stop.`;
  return { ...end, ending: { ...end.ending, message } };
}

/** Writes the record, and reports the disk as it is then. Fails with `RecordNotWritten`. */
async function writeRecord(
  machine: Machine,
  disk: OpenDisk,
  change: Parameters<OpenDisk['update']>[0],
): Promise<Result<void>> {
  try {
    await disk.update(change);
    machine.report.update({ disk: reportedDisk(disk.record) });
    return success(undefined);
  } catch (error) {
    machine.log.error({ error: messageOf(error), change }, "The disk's record could not be written");
    return failed('RecordNotWritten', `The disk's record can't be written on its volume: ${messageOf(error)}.`);
  }
}
