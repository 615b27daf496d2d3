import { randomUUID } from 'node:crypto';
import { mkdir, mkdtemp, open, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Writable } from 'node:stream';
import { pino } from 'pino';
import { createOpenDisk, type OpenDisk, type RecordChange } from '../../src/agent/disk/open-disk.ts';
import { volumeOf } from '../../src/agent/disk/volume.ts';
import { volumeFiles } from '../../src/agent/disk/volume-files.ts';
import { agentPaths, systemClock } from '../../src/agent/environment.ts';
import { ReportState } from '../../src/agent/report-state.ts';
import type { Machine } from '../../src/agent/run/machine.ts';
import { MEMORY_KILL_COUNTERS } from '../../src/agent/run/memory-kills.ts';
import { podEndpoints } from '../../src/agent/run/qemu-arguments.ts';
import type { Qemu } from '../../src/agent/run/qemu-process.ts';
import { reserveOf } from '../../src/agent/run/reserve-of-machine.ts';
import { supervise } from '../../src/agent/run/supervisor.ts';
import type { AgentReport } from '../../src/contract/agent-report.ts';
import type { DiskRecord } from '../../src/contract/disk-record.ts';
import type { MachineSettings } from '../../src/contract/machine-settings.ts';
import { freePorts } from './free-ports.ts';

export const VNC_PASSWORD = 'Abc123xy';

const SETTINGS: MachineSettings = {
  type: '',
  cpu: 'pentium2',
  memoryMiB: 32,
  acceleration: 'TCG',
  video: 'std',
  sound: 'sb16',
  nic: 'ne2k_pci',
  timeZone: 'Europe/Berlin',
  pointer: 'PS2',
  extraArgs: [],
  gracePeriodSeconds: 30,
  onGuestPowerOff: 'Restart',
  readinessScreen: 'Any',
  diskCache: 'Durable',
};

/** A machine under its supervisor with a real QEMU, and a disk whose record is kept in memory. */
export interface MachineUnderTest {
  readonly machine: Machine;
  /** Every report so far, the newest last. */
  readonly reports: readonly AgentReport[];
  /** Every change of the record so far. */
  readonly recorded: readonly RecordChange[];
  /** Log lines so far, parsed. */
  readonly logged: readonly Record<string, unknown>[];
  /** How often the disk was opened. */
  readonly opened: () => number;
  readonly qemu: () => Qemu | undefined;
  /** Resolves at once or as soon as a report fits; rejects after the timeout with the last report. */
  until(what: string, fits: (report: AgentReport) => boolean, timeoutMilliseconds?: number): Promise<AgentReport>;
  /** As TERM does; resolves when the supervisor has ended. */
  stop(): Promise<void>;
  /** Writes the mounted VNC password. */
  mountVncPassword(password: string): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

export async function startMachine(
  disk: string,
  settings: Partial<MachineSettings> = {},
  overrides: Partial<Pick<Machine, 'kvmDevice' | 'qemuProgram' | 'memoryKillCounters'>> & {
    readonly vncPassword?: string;
    /** What the record says of the disk before. */
    readonly record?: Partial<DiskRecord>;
    /** The record is kept beside the disk, and not only in memory. */
    readonly recordOnVolume?: boolean;
    /** As TERM in the moment between QEMU's start and its guest's. */
    readonly stopBeforeGuest?: boolean;
  } = {},
): Promise<MachineUnderTest> {
  const root = await mkdtemp(path.join(tmpdir(), 'loco-'));
  const paths = agentPaths(root, { DISK: disk });
  await mkdir(paths.run, { recursive: true });
  await mkdir(path.dirname(paths.vncPassword), { recursive: true });
  const mountVncPassword = (password: string) => writeFile(paths.vncPassword, password);
  await mountVncPassword(overrides.vncPassword ?? `${VNC_PASSWORD}\n`);
  const report = new ReportState({ podUid: 'pod-uid', phase: 'DiskReady', message: 'The disk is ready.' });
  const reports: AgentReport[] = [report.current];
  report.subscribe((next) => reports.push(next));
  const logged: Record<string, unknown>[] = [];
  const log = pino(
    new Writable({
      write(line, _encoding, done) {
        logged.push(JSON.parse(String(line)));
        done();
      },
    }),
  );
  const [vncPort = 0, vncWebSocketPort = 0] = await freePorts(2);
  let qemu: Qemu | undefined;
  const stop = new AbortController();
  const machine: Machine = {
    environment: {
      podName: 'classroom-2',
      podNamespace: 'school',
      podUid: 'pod-uid',
      emulatorName: 'classroom',
      ordinal: 2,
      machine: { ...SETTINGS, ...settings },
    },
    paths,
    endpoints: { ...podEndpoints(disk, paths.run), vncPort, vncWebSocketPort },
    qemuProgram: overrides.qemuProgram ?? 'qemu-system-i386',
    kvmDevice: overrides.kvmDevice ?? '/dev/kvm',
    memoryKillCounters: overrides.memoryKillCounters ?? MEMORY_KILL_COUNTERS,
    reserve: reserveOf('Durable', volumeFiles, volumeOf(disk), log),
    report,
    clock: systemClock,
    log,
    onQemu: (now) => {
      qemu = now;
      if (overrides.stopBeforeGuest === true) stop.abort();
    },
  };
  const memory = await openedDisk(disk, overrides.record, overrides.recordOnVolume);
  const ended = supervise(machine, memory.open, stop.signal);
  const end = async () => {
    stop.abort();
    await ended;
  };
  return {
    machine,
    reports,
    recorded: memory.recorded,
    logged,
    opened: memory.opened,
    qemu: () => qemu,
    until: (what, fits, timeout = 20_000) => untilReport(report, what, fits, timeout),
    stop: end,
    mountVncPassword,
    [Symbol.asyncDispose]: async () => {
      qemu?.kill();
      await end();
      await memory.dispose();
      await rm(root, { recursive: true });
    },
  };
}

function untilReport(
  report: ReportState,
  what: string,
  fits: (report: AgentReport) => boolean,
  timeoutMilliseconds: number,
): Promise<AgentReport> {
  return new Promise((resolve, reject) => {
    const look = (current: AgentReport) => {
      if (fits(current)) {
        clearTimeout(timer);
        unsubscribe();
        resolve(current);
      }
    };
    const timer = setTimeout(() => {
      unsubscribe();
      reject(
        new Error(`Not within ${timeoutMilliseconds} ms: ${what}. Last report: ${JSON.stringify(report.current)}`),
      );
    }, timeoutMilliseconds);
    const unsubscribe = report.subscribe(look);
    look(report.current);
  });
}

/** What `openDisk` of the preparation gives, without the preparation. */
async function openedDisk(disk: string, before: Partial<DiskRecord> = {}, recordOnVolume = false) {
  const lock = await open('/dev/null');
  const recorded: RecordChange[] = [];
  let opened = 0;
  const record: DiskRecord = {
    schemaVersion: 1,
    id: randomUUID(),
    inode: (await volumeFiles.facts(disk))?.inode ?? 0,
    sizeBytes: 1,
    sha256: '0'.repeat(64),
    virtualSizeBytes: 1,
    origin: 'Imported',
    source: { description: 'a test' },
    preparedAt: new Date().toISOString(),
    state: 'Prepared',
    ...before,
  };
  const kept = recordOnVolume
    ? createOpenDisk(volumeFiles, volumeOf(disk), { descriptor: lock.fd, release: async () => {} }, record)
    : inMemory(disk, lock.fd, record);
  const openDisk: OpenDisk = {
    path: disk,
    lockDescriptor: lock.fd,
    get record() {
      return kept.record;
    },
    update: async (change) => {
      await kept.update(change);
      recorded.push(change);
    },
    close: async () => {},
  };
  return {
    recorded,
    opened: () => opened,
    open: async () => {
      opened += 1;
      return openDisk;
    },
    dispose: () => lock.close(),
  };
}

function inMemory(path: string, lockDescriptor: number, initial: DiskRecord): OpenDisk {
  let record = initial;
  return {
    path,
    lockDescriptor,
    get record() {
      return record;
    },
    update: async (change) => {
      record = { ...record, ...change };
    },
    close: async () => {},
  };
}
