import { chmod, copyFile, mkdir, mkdtemp, rename, rm, rmdir, statfs, unlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, it, vi } from 'vitest';
import { ensureDebianPackages } from '../../scripts/debian-packages.ts';
import { copyDisk } from './boot-sector.ts';
import { makeBootSectorGuest } from './boot-sector-guest.ts';
import { type MachineUnderTest, startMachine, VNC_PASSWORD } from './machine-under-test.ts';
import { mayMount, mountSmallVolume } from './small-volume.ts';
import { makeWritingGuest, reportedWrites, writesOnDisk } from './writing-guest.ts';

const MEBIBYTE = 1024 ** 2;
/** 30 MiB. */
const WRITES = 480;

let folder: string;
let guest: string;
let writer: string;

beforeAll(async () => {
  await ensureDebianPackages(['qemu-system-x86', 'qemu-utils', 'e2fsprogs', 'mount']);
  folder = await mkdtemp(path.join(tmpdir(), 'loco-trouble-'));
  guest = await makeBootSectorGuest(folder);
  writer = await makeWritingGuest(folder, 'writer', { writes: WRITES, obeysButton: true });
}, 300_000);

afterAll(() => rm(folder, { recursive: true }));

const isReady = (test: MachineUnderTest) => test.until('ready', ({ ready }) => ready, 40_000);

const uncleanStops = (test: MachineUnderTest) => test.recorded.flatMap(({ lastStop }) => lastStop ?? []);

describe('a QEMU that is killed', () => {
  it.concurrent('five times is five unclean stops, each recorded and shown, and the same machine comes up after each', async ({
    expect,
  }) => {
    await using test = await startMachine(await copyDisk(guest, folder, 'killed'));
    for (let kills = 1; kills <= 5; kills += 1) {
      await isReady(test);
      test.qemu()?.kill();
      const report = await test.until('crashed', ({ reason }) => reason === 'QEMUCrashed');
      expect(report).toMatchObject({ phase: 'Starting', message: expect.stringContaining('Started again in') });
      expect(report.disk?.lastStop).toEqual(uncleanStops(test).at(-1));
      expect(test.opened()).toBe(kills);
    }
    const stops = uncleanStops(test);
    const hardware = test.recorded.flatMap((change) => change.hardware ?? []);
    expect(hardware).toEqual(hardware.map(() => hardware[0]));
    expect(stops.map(({ kind, message }) => ({ kind, message }))).toEqual(
      stops.map(() => ({
        kind: 'Unclean',
        message: 'QEMU ended under the running guest: it was ended by SIGKILL.',
      })),
    );
    const times = stops.map(({ at }) => Date.parse(at));
    expect(times).toEqual([...times].sort((left, right) => left - right));
    expect(new Set(times).size).toBe(5);
  });

  it.concurrent("for the container's memory limit is told from a crash", async ({ expect }) => {
    await using limited = await limitedQemu();
    await using test = await startMachine(await copyDisk(guest, folder, 'memory'), {}, limited);
    await isReady(test);
    await limited.exhaust(test);
    await vi.waitFor(() => expect(killed(test)).toBeDefined(), 20_000);
    expect(killed(test)?.message).toContain("the container's memory limit was reached");
    expect(test.recorded.at(-1)).toMatchObject({
      lastStop: { kind: 'Unclean', message: expect.stringContaining('memory limit') },
    });
    await limited.relieve();
    await isReady(test);
    await test.stop();
  });
});

const killed = (test: MachineUnderTest) => test.reports.find(({ reason }) => reason === 'OutOfMemory');

const CGROUP = '/sys/fs/cgroup/memory';

/**
 * A QEMU in a memory cgroup of its own, whose limit can be lowered below what it has, so that the kernel kills it.
 * Where none can be made (not root, or version 2 of cgroups, whose tree belongs to systemd), QEMU is killed by us and
 * a file counts it as the kernel does.
 */
async function limitedQemu() {
  const name = path.join(CGROUP, path.basename(folder));
  try {
    await mkdir(name);
  } catch {
    return countedQemu();
  }
  const program = path.join(folder, 'qemu-in-cgroup');
  await writeFile(program, `#!/bin/sh\necho $$ > ${name}/cgroup.procs\nexec qemu-system-i386 "$@"\n`);
  await chmod(program, 0o755);
  const limit = (bytes: number) => writeFile(path.join(name, 'memory.limit_in_bytes'), String(bytes));
  return {
    qemuProgram: program,
    memoryKillCounters: [path.join(name, 'memory.oom_control')],
    exhaust: async (test: MachineUnderTest) => {
      await writeFile(`/proc/${test.qemu()?.pid}/oom_score_adj`, '1000');
      for (let mebibytes = 64; mebibytes > 0 && killed(test) === undefined; mebibytes -= 1) {
        // What is in use can't be taken back, and a QEMU that needs no more lives on: another one asks for more.
        await limit(mebibytes * MEBIBYTE).catch(() => undefined);
        await execa('sh', ['-c', `echo $$ >${name}/cgroup.procs; x=$(head -c 8000000 /dev/zero | tr '\\0' x)`], {
          reject: false,
        });
      }
    },
    relieve: () => limit(1024 * MEBIBYTE),
    [Symbol.asyncDispose]: () => rmdir(name),
  };
}

async function countedQemu() {
  const counter = path.join(folder, 'memory.events');
  await writeFile(counter, 'oom 0\noom_kill 0\n');
  return {
    qemuProgram: 'qemu-system-i386',
    memoryKillCounters: [counter],
    exhaust: async (test: MachineUnderTest) => {
      await writeFile(counter, 'oom 1\noom_kill 1\n');
      test.qemu()?.kill();
    },
    relieve: async () => {},
    [Symbol.asyncDispose]: async () => {},
  };
}

describe('a disk whose file is removed under the running guest', () => {
  it.concurrent('is reported as gone while the guest runs on, and so is one that takes its place', async ({
    expect,
  }) => {
    const own = await mkdtemp(path.join(folder, 'gone-'));
    const disk = await copyDisk(guest, own);
    await using test = await startMachine(disk);
    await isReady(test);
    await unlink(disk);
    const report = await test.until('gone', ({ reason }) => reason === 'DiskGone');
    expect(report).toMatchObject({ phase: 'Running', ready: false });
    expect(report.message).toContain('copy what matters out of the guest first');
    await copyDisk(guest, own);
    expect(test.machine.report.current.reason).toBe('DiskGone');
    expect([test.opened(), test.qemu() === undefined]).toEqual([1, false]);
    await test.stop();
    expect(test.recorded.at(-1)).toMatchObject({ lastStop: { kind: 'Clean' } });
  });
});

describe('a disk that is replaced while no QEMU runs', () => {
  it.concurrent('is looked at again before a guest gets it', async ({ expect }) => {
    const own = await mkdtemp(path.join(folder, 'replaced-'));
    const disk = await copyDisk(guest, own);
    await using test = await startMachine(disk, {}, { vncPassword: '' });
    await test.until('not started', ({ phase, reason }) => phase === 'Starting' && reason !== undefined);
    await copyFile(disk, `${disk}.other`);
    await rename(`${disk}.other`, disk);
    await test.mountVncPassword(VNC_PASSWORD);
    await test.until('seen', ({ reason }) => reason === 'DiskGone');
    await vi.waitFor(() => expect(test.opened()).toBeGreaterThan(1), { timeout: 20_000 });
    expect([test.recorded, lives(test)]).toEqual([[], 0]);
  });
});

/** The lives that QEMU had, by what the agent logged. */
const lives = (test: MachineUnderTest) => test.logged.filter(({ msg }) => msg === 'QEMU started').length;

describe.skipIf(!mayMount)('a volume in trouble under the running guest', () => {
  it.concurrent('that has become read-only is reported, and there is no restart', async ({ expect }) => {
    await using volume = await mountSmallVolume(60, { options: 'errors=remount-ro' });
    await using test = await startMachine(await copyDisk(writer, volume.root), { gracePeriodSeconds: 5 });
    await vi.waitFor(() => expect(reportedWrites(test.logged).length).toBeGreaterThan(1), { timeout: 20_000 });
    await volume.fail();
    const report = await test.until('read-only', ({ reason }) => reason === 'VolumeNotWritable');
    expect(report).toMatchObject({ phase: 'Paused', ready: false });
    await test.machine.clock.sleep(3000);
    expect([lives(test), test.machine.report.current.reason]).toEqual([1, 'VolumeNotWritable']);
    await test.stop();
    expect(test.reports.at(-1)).toMatchObject({
      phase: 'Stopped',
      message: expect.stringContaining('A write of its disk failed on the volume'),
    });
  });

  it.concurrent('whose device is full (thin provisioning) goes on when that has room, with a new QEMU where the old one can not', async ({
    expect,
  }) => {
    const thin = await mkdtemp(path.join(tmpdir(), 'loco-thin-'));
    await execa('mount', ['-t', 'tmpfs', '-o', 'size=100M', 'tmpfs', thin]);
    await using stack = new AsyncDisposableStack();
    stack.defer(async () => {
      await execa('umount', ['--lazy', thin]);
      await rmdir(thin);
    });
    const volume = stack.use(await mountSmallVolume(80, { folder: thin, journal: false }));
    const disk = await copyDisk(writer, volume.root);
    await execa('sync', ['--file-system', volume.root]);
    const { blocks, bfree, bsize } = await statfs(thin);
    await execa('mount', ['-o', `remount,size=${(blocks - bfree) * bsize + MEBIBYTE}`, thin]);
    const test = stack.use(await startMachine(disk));
    await test.until('paused', ({ phase }) => phase === 'Paused', 30_000);
    expect(['VolumeFull', 'DiskIOError']).toContain(test.machine.report.current.reason);
    await execa('mount', ['-o', 'remount,size=100M', thin]);
    await vi.waitFor(() => expect(test.logged.map(({ serial }) => serial)).toContain('DONE'), { timeout: 60_000 });
    expect(lives(test)).toBeLessThanOrEqual(2);
    await test.stop();
    expect(test.recorded.at(-1)).toMatchObject({ lastStop: { kind: 'Clean' } });
    expect((await writesOnDisk(disk)).size).toBe(WRITES);
  });
});
