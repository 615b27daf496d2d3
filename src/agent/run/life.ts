import { constants } from 'node:fs';
import { access } from 'node:fs/promises';
import path from 'node:path';
import { execa } from 'execa';
import type { Logger } from 'pino';
import { z } from 'zod';
import type { DiskRecord } from '../../contract/disk-record.ts';
import type { OpenDisk } from '../disk/open-disk.ts';
import { reportedDisk } from '../disk/record.ts';
import { type AgentEnvironment, type AgentPaths, type Clock, untilAborted } from '../environment.ts';
import { type Failure, failed, messageOf, type Result, success } from '../failure.ts';
import type { ReportState } from '../report-state.ts';
import { GuestWatch } from './guest-watch.ts';
import { chooseHardware, macAddressOf, parseMachineTypes } from './hardware.ts';
import { localTime } from './local-time.ts';
import { judge } from './probes.ts';
import { type Hardware, type QemuEndpoints, qemuArguments } from './qemu-arguments.ts';
import { type Qemu, startQemu } from './qemu-process.ts';
import { type Ending, type NeverRan, quitAfterGuest, quitBefore, stopGuest } from './shutdown.ts';
import { prepareVncSecret } from './vnc-password.ts';

/** What stays the same over all lives of a machine. */
export interface Machine {
  readonly environment: AgentEnvironment;
  readonly paths: AgentPaths;
  readonly endpoints: QemuEndpoints;
  /** QEMU's system emulator for 32-bit x86: a name in PATH or a path. */
  readonly qemuProgram: string;
  readonly kvmDevice: string;
  /** Where a VNC password is made and kept when none is mounted; absent in a pod, whose operator makes one. */
  readonly ownVncPassword?: string;
  readonly report: ReportState;
  readonly clock: Clock;
  readonly log: Logger;
  /** Told which QEMU runs now, for control actions. */
  readonly onQemu: (qemu: Qemu | undefined) => void;
}

/** How one life of QEMU ended. */
export type LifeEnd =
  /** Something that it needs is missing; the guest didn't run. */
  | { readonly kind: 'NotStarted'; readonly failure: Failure }
  /** The guest switched itself off. */
  | { readonly kind: 'PoweredOff'; readonly ending: Ending }
  /** QEMU ended by itself. */
  | { readonly kind: 'Crashed'; readonly ending: Ending }
  /** It was asked to stop. */
  | { readonly kind: 'Stopped'; readonly ending: Ending };

/** Between two looks at a guest that hasn't come up, and at one that has. */
const LOOK_MILLISECONDS = { comingUp: 1000, up: 5000 } as const;

/**
 * One life of QEMU, from the checks before it to the record after it:
 * 1. what it needs: VNC password, time zone, KVM where wanted, hardware;
 * 2. the record says `Running`, on the volume, before QEMU starts;
 * 3. the guest runs and is watched until it is off, QEMU ends, or `stop` aborts;
 * 4. the record says how it ended, or what it said before when no guest ran.
 */
export async function liveOnce(machine: Machine, disk: OpenDisk, stop: AbortSignal): Promise<LifeEnd> {
  machine.report.update({ phase: 'Starting', ready: false, reason: undefined, message: 'QEMU is being started.' });
  const needed = await prepareStart(machine, disk.record);
  if (!needed.ok) {
    return { kind: 'NotStarted', failure: needed.failure };
  }
  const { hardware } = needed.value;
  const before = disk.record.state;
  const recorded = await writeRecord(machine, disk, { hardware, state: 'Running' });
  if (!recorded.ok) {
    return { kind: 'NotStarted', failure: recorded.failure };
  }
  const started = await startQemu({
    program: machine.qemuProgram,
    arguments: needed.value.arguments,
    endpoints: machine.endpoints,
    lockDescriptor: disk.lockDescriptor,
    stop,
    clock: machine.clock,
    log: machine.log,
  });
  if (!started.ok) {
    await writeRecord(machine, disk, { state: before });
    return { kind: 'NotStarted', failure: started.failure };
  }
  const qemu = started.value;
  const { machineType: type, macAddress } = hardware;
  machine.report.update({ machine: { type, macAddress, qemuVersion: qemu.qmp.qemuVersion } });
  machine.log.info({ pid: qemu.pid, ...hardware, qemuVersion: qemu.qmp.qemuVersion }, 'QEMU started');
  machine.onQemu(qemu);
  const end = await runGuest(machine, qemu, stop);
  machine.onQemu(undefined);
  qemu.qmp.close();
  qemu.serial.close();
  if (end.kind === 'NotStarted') {
    machine.log.info({ failure: end.failure }, 'QEMU ended before its guest ran');
    await writeRecord(machine, disk, { state: before });
    return end;
  }
  const lastStop = { ...end.ending, at: new Date(machine.clock.now()).toISOString() };
  machine.log.info({ end: end.kind, lastStop }, 'QEMU ended');
  await writeRecord(machine, disk, { state: 'Stopped', lastStop });
  return end;
}

interface StartNeeds {
  readonly hardware: Hardware;
  readonly arguments: string[];
}

async function prepareStart(machine: Machine, record: DiskRecord): Promise<Result<StartNeeds>> {
  const { environment, endpoints, clock } = machine;
  const settings = environment.machine;
  const secret = await prepareVncSecret(machine.paths.vncPassword, endpoints.vncSecret, machine.ownVncPassword);
  if (!secret.ok) {
    return secret;
  }
  if (secret.value !== machine.paths.vncPassword) {
    machine.log.info({ file: secret.value }, 'The VNC password is in this file');
  }
  const time = localTime(clock.now(), settings.timeZone);
  if (!time.ok) {
    return time;
  }
  if (settings.acceleration === 'KVM' && !(await isUsable(machine.kvmDevice))) {
    return failed(
      'KVMNotAvailable',
      `machine.acceleration is KVM and ${machine.kvmDevice} isn't there or can't be opened. Set machine.kvmResourceName ` +
        'to the resource of a KVM device plugin on your nodes, or machine.acceleration to TCG.',
    );
  }
  const help = await execa(machine.qemuProgram, ['-machine', 'help'], { reject: false });
  if (help.failed) {
    return failed('QEMUStartFailed', `${machine.qemuProgram} doesn't run in this image: ${messageOf(help)}`);
  }
  const hardware = chooseHardware({
    wantedType: settings.type,
    recorded: record.hardware,
    known: parseMachineTypes(help.stdout),
    macAddress: macAddressOf(environment.podNamespace, environment.emulatorName, environment.ordinal),
  });
  if (!hardware.ok) {
    return hardware;
  }
  const input = { name: environment.podName, settings, hardware: hardware.value, endpoints, localTime: time.value };
  return success({ hardware: hardware.value, arguments: qemuArguments(input) });
}

async function runGuest(machine: Machine, qemu: Qemu, stop: AbortSignal): Promise<LifeEnd> {
  const watch = new GuestWatch({
    qemu,
    vncPort: machine.endpoints.vncPort,
    screendumpFile: path.join(machine.paths.run, 'look.ppm'),
    clock: machine.clock,
    log: machine.log,
  });
  if (!stop.aborted) {
    const running = await qemu.qmp.execute('cont', z.unknown());
    // Without an answer the guest may run all the same: then it is watched as any other.
    if (!running.ok && running.failure.reason === 'QMPCommandFailed') {
      const words = `QEMU did not let the guest run: ${running.failure.message}`;
      return notStarted(await quitBefore(qemu, machine.clock, words));
    }
  }
  const over = new AbortController();
  const observing = observe(machine, watch, AbortSignal.any([over.signal, stop]));
  const first = await Promise.race([
    watch.off.then((reason) => ({ kind: 'PoweredOff', reason }) as const),
    qemu.exited.then(({ description }) => ({ kind: 'Crashed', description }) as const),
    untilAborted(stop, over.signal).then(() => ({ kind: 'Stopped' }) as const),
  ]);
  over.abort();
  // A look that is under way may take seconds; the guest's shutdown doesn't wait for it.
  const [ending] = await Promise.all([endGuest(machine, qemu, watch, first), observing]);
  return ending.kind === 'NeverRan' ? notStarted(ending) : { kind: first.kind, ending };
}

function notStarted({ message }: NeverRan): LifeEnd {
  return { kind: 'NotStarted', failure: { reason: 'QEMUStartFailed', message } };
}

type FirstSign =
  | { readonly kind: 'PoweredOff'; readonly reason: string }
  | { readonly kind: 'Crashed'; readonly description: string }
  | { readonly kind: 'Stopped' };

async function endGuest(machine: Machine, qemu: Qemu, watch: GuestWatch, first: FirstSign): Promise<Ending | NeverRan> {
  const { clock, log, report } = machine;
  switch (first.kind) {
    case 'PoweredOff':
      return quitAfterGuest(qemu, clock, first.reason);
    case 'Crashed':
      return { kind: 'Unclean', message: `QEMU ended under the running guest: ${first.description}.` };
    case 'Stopped': {
      const { gracePeriodSeconds } = machine.environment.machine;
      const message = `The guest is shutting down; it has ${gracePeriodSeconds} s.`;
      report.update({ phase: 'Stopping', ready: false, reason: undefined, message });
      return stopGuest({ qemu, watch, gracePeriodSeconds, clock, log });
    }
  }
}

/** Looks at the guest again and again, at once when QEMU has news; a look that fails doesn't cost the guest its life. */
async function observe(machine: Machine, watch: GuestWatch, until: AbortSignal): Promise<void> {
  const { clock, log } = machine;
  while (!until.aborted) {
    const { news } = watch;
    let ready = false;
    try {
      ready = await look(machine, watch, until);
    } catch (error) {
      log.error({ error: messageOf(error) }, 'A look at the guest failed');
    }
    const wait = ready ? LOOK_MILLISECONDS.up : LOOK_MILLISECONDS.comingUp;
    await clock.sleep(wait, AbortSignal.any([until, news]));
  }
}

/** Reports what one look at the guest comes to, and gives whether it is ready. */
async function look({ environment, report, log }: Machine, watch: GuestWatch, until: AbortSignal): Promise<boolean> {
  const verdict = judge(await watch.gather(), environment.machine.readinessScreen);
  if (until.aborted) {
    return false;
  }
  if (verdict.reason !== report.current.reason || verdict.ready !== report.current.ready) {
    log.info({ ...verdict }, 'The guest is in another state');
  }
  report.update(verdict);
  if (verdict.ready) {
    watch.screenCameUp();
  }
  return verdict.ready;
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
    return failed('RecordNotWritten', `The disk's record can't be written on its volume: ${messageOf(error)}`);
  }
}

async function isUsable(device: string): Promise<boolean> {
  try {
    await access(device, constants.R_OK | constants.W_OK);
    return true;
  } catch {
    // Not there or not allowed: the same to whoever wants KVM.
    return false;
  }
}
