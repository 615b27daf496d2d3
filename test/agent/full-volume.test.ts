import { mkdtemp, rm, statfs } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { ensureDebianPackages } from '../../scripts/debian-packages.ts';
import { readRecord } from '../../src/agent/disk/record.ts';
import { ensureReserve } from '../../src/agent/disk/reserve.ts';
import { volumeOf } from '../../src/agent/disk/volume.ts';
import { volumeFiles } from '../../src/agent/disk/volume-files.ts';
import type { MachineSettings } from '../../src/contract/machine-settings.ts';
import { copyDisk } from './boot-sector.ts';
import { type MachineUnderTest, startMachine } from './machine-under-test.ts';
import { mayMount, mountSmallVolume, type SmallVolume } from './small-volume.ts';
import { makeWritingGuest, reportedWrites, writesOnDisk } from './writing-guest.ts';

const MEBIBYTE = 1024 ** 2;
const VOLUME_MIB = 40;
/** 20 MiB: more than the guest gets before somebody makes room. */
const WRITES = 320;
const GUEST_BYTES = 6 * MEBIBYTE;
/** With which the guest is still not done. */
const SOME_ROOM_BYTES = 10 * MEBIBYTE;

let folder: string;
let obedient: string;
let stubborn: string;

beforeAll(async () => {
  await ensureDebianPackages(['qemu-system-x86', 'qemu-utils', 'e2fsprogs', 'mount']);
  folder = await mkdtemp(path.join(tmpdir(), 'loco-full-'));
  obedient = await makeWritingGuest(folder, 'obedient', { writes: WRITES, obeysButton: true });
  stubborn = await makeWritingGuest(folder, 'stubborn', { writes: WRITES, obeysButton: false });
}, 300_000);

afterAll(() => rm(folder, { recursive: true }));

/** Files of somebody else. */
const ballastOf = (volume: SmallVolume) => ({
  small: path.join(volume.root, 'ballast-small'),
  large: path.join(volume.root, 'ballast-large'),
});

async function leaveRoomFor(volume: SmallVolume, bytes: number): Promise<void> {
  const { small, large } = ballastOf(volume);
  await execa('fallocate', ['-l', String(SOME_ROOM_BYTES), small]);
  const { bavail, bsize } = await statfs(volume.root);
  await execa('fallocate', ['-l', String(bavail * bsize - bytes), large]);
}

/** A machine on a volume with a reserve and room for a third of what its guest writes, when that is paused. */
async function startUntilFull(
  volume: SmallVolume,
  guest: string,
  settings: Partial<MachineSettings> = {},
): Promise<MachineUnderTest> {
  const disk = await copyDisk(guest, volume.root);
  expect(await ensureReserve(volumeFiles, volumeOf(disk))).toMatchObject({ kind: 'Made' });
  await leaveRoomFor(volume, GUEST_BYTES);
  await using stack = new AsyncDisposableStack();
  const test = stack.use(await startMachine(disk, settings, { recordOnVolume: true }));
  await test.until('the volume is full', ({ reason }) => reason === 'VolumeFull');
  // From here on it is the caller's to end.
  stack.move();
  return test;
}

const recordOf = async (disk: string) => {
  const read = await readRecord(volumeFiles, volumeOf(disk).record);
  return read.kind === 'Record' ? read.record : undefined;
};

const FAILED = 'An access of the guest to its disk failed';

const says = (test: MachineUnderTest, line: string) =>
  vi.waitFor(() => expect(test.logged.map(({ serial }) => serial)).toContain(line), { timeout: 20_000 });

describe.skipIf(!mayMount)('a guest on a volume that is full', () => {
  it.concurrent('is paused, which is reported at once with the figures, and loses nothing when there is room', async () => {
    await using volume = await mountSmallVolume(VOLUME_MIB);
    await using test = await startUntilFull(volume, obedient);
    const failedAt = test.logged.find(({ msg }) => msg === FAILED)?.['time'];
    const toldAt = test.logged.find(({ reason }) => reason === 'VolumeFull')?.['time'];
    expect(Number(toldAt) - Number(failedAt)).toBeLessThan(5000);
    const { phase, ready, message } = test.machine.report.current;
    expect({ phase, ready }).toEqual({ phase: 'Paused', ready: false });
    const { blocks, bsize, bavail } = await statfs(volume.root);
    expect(message).toContain(
      `(${Math.floor((bavail * bsize) / MEBIBYTE)} MiB of ${Math.ceil((blocks * bsize) / MEBIBYTE)} MiB are free)`,
    );
    for (const ballast of Object.values(ballastOf(volume))) await rm(ballast);
    await says(test, 'DONE');
    expect(test.qemu()).toBeDefined();
    await test.until('it goes on', ({ phase }) => phase === 'Running');
    await test.stop();
    expect(await recordOf(test.machine.paths.disk)).toMatchObject({ state: 'Stopped', lastStop: { kind: 'Clean' } });
    expect(test.opened()).toBe(1);
    const onDisk = await writesOnDisk(test.machine.paths.disk);
    expect(Array.from({ length: WRITES }, (_, number) => number).filter((number) => !onDisk.has(number))).toEqual([]);
    await execa('qemu-img', ['check', test.machine.paths.disk]);
  });

  it.concurrent('is paused again and again while there is too little room, without a restart or a false recovery', async () => {
    await using volume = await mountSmallVolume(VOLUME_MIB);
    await using test = await startUntilFull(volume, obedient);
    const before = reportedWrites(test.logged).length;
    await rm(ballastOf(volume).small);
    const wrote = () => reportedWrites(test.logged)[before]?.at ?? Number.POSITIVE_INFINITY;
    const failed = () => test.logged.find(({ msg, time }) => msg === FAILED && Number(time) >= wrote())?.['time'];
    await vi.waitFor(() => expect(failed()).toBeDefined(), { timeout: 60_000 });
    await test.until('full again', ({ reason }) => reason === 'VolumeFull');
    const phases = test.reports.map(({ phase }) => phase);
    // Where the volume is so slow that the guest runs for 2 s before it is full again, that is a recovery.
    if (Number(failed()) - wrote() < 1500) expect(phases.slice(phases.indexOf('Paused'))).not.toContain('Running');
    expect(test.opened()).toBe(1);
    await test.stop();
    expect(test.recorded.at(-1)).toMatchObject({ lastStop: { kind: 'Clean' } });
  });

  it.concurrent('is shut down cleanly with the room of the reserve', async () => {
    await using volume = await mountSmallVolume(VOLUME_MIB);
    await using test = await startUntilFull(volume, obedient);
    const { disk } = test.machine.paths;
    await test.stop();
    expect(await recordOf(disk)).toMatchObject({ state: 'Stopped', lastStop: { kind: 'Clean' } });
    expect(await volumeFiles.facts(volumeOf(disk).reserve)).toBeUndefined();
    expect(test.reports.at(-1)).toMatchObject({ phase: 'Stopped', message: 'The guest shut down by itself.' });
    const onDisk = await writesOnDisk(disk);
    expect(reportedWrites(test.logged).filter(({ number }) => !onDisk.has(number))).toEqual([]);
  });

  it.concurrent('is switched off at the deadline when it needs more than the reserve, and the record says so', async () => {
    await using volume = await mountSmallVolume(VOLUME_MIB);
    await using test = await startUntilFull(volume, stubborn, { gracePeriodSeconds: 5 });
    await test.stop();
    const record = await recordOf(test.machine.paths.disk);
    expect(record).toMatchObject({
      state: 'Stopped',
      lastStop: {
        kind: 'Unclean',
        message: expect.stringContaining('Its volume was full, and the reserve was not enough for it'),
      },
    });
    expect(test.reports.at(-1)).toMatchObject({ phase: 'Stopped', message: record?.lastStop?.message });
    const onDisk = await writesOnDisk(test.machine.paths.disk);
    expect(reportedWrites(test.logged).filter(({ number }) => !onDisk.has(number))).toEqual([]);
  });
});
