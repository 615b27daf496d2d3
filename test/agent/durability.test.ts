import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { ensureDebianPackages } from '../../scripts/debian-packages.ts';
import type { MachineSettings } from '../../src/contract/machine-settings.ts';
import { copyDisk } from './boot-sector.ts';
import { startMachine } from './machine-under-test.ts';
import { makeWritingGuest, reportedWrites, writesOnDisk } from './writing-guest.ts';

/** The promise: a guest's write that is older than this is on the disk, whenever QEMU is killed. */
const PROMISED_MILLISECONDS = 5000;

/**
 * 500 MiB of the disk, which one L2 table of qcow2 maps (512 MiB): QEMU writes out what it holds of a table when it makes
 * the next one, and a guest that goes on and on would be saved by that.
 */
const WRITES = 8000;

let folder: string;
let guest: string;

beforeAll(async () => {
  await ensureDebianPackages(['qemu-system-x86', 'qemu-utils']);
  folder = await mkdtemp(path.join(tmpdir(), 'loco-durability-'));
  guest = await makeWritingGuest(folder, 'writer', { writes: WRITES, obeysButton: true });
}, 300_000);

afterAll(() => rm(folder, { recursive: true }));

interface Kill {
  /** Numbers of the writes that the guest had said were done. */
  readonly reported: readonly number[];
  /** Those of them that it said more than 5 s before the kill. */
  readonly old: readonly number[];
  readonly onDisk: ReadonlySet<number>;
}

/** Runs the guest until so many of its reports are so old, and kills QEMU with SIGKILL. */
async function killUnderWrites(
  name: string,
  diskCache: MachineSettings['diskCache'],
  { reports, age }: { readonly reports: number /** Milliseconds. */; readonly age: number },
): Promise<Kill> {
  const own = path.join(folder, name);
  await mkdir(own);
  const disk = await copyDisk(guest, own);
  await using test = await startMachine(disk, { diskCache });
  const aged = () => reportedWrites(test.logged).filter(({ at }) => at < Date.now() - age);
  await vi.waitFor(() => expect(aged().length).toBeGreaterThanOrEqual(reports), { timeout: 60_000, interval: 5 });
  const killedAt = Date.now();
  test.qemu()?.kill();
  await test.stop();
  expect(test.recorded.at(-1)).toMatchObject({ lastStop: { kind: 'Unclean' } });
  const reported = reportedWrites(test.logged);
  const old = reported.filter(({ at }) => at < killedAt - PROMISED_MILLISECONDS);
  const numbers = (list: typeof reported) => list.map(({ number }) => number);
  const onDisk = await writesOnDisk(disk);
  await rm(own, { recursive: true });
  return { reported: numbers(reported), old: numbers(old), onDisk };
}

const lost = (numbers: readonly number[], { onDisk }: Kill) => numbers.filter((number) => !onDisk.has(number));

describe('a guest that never flushes, on a QEMU that is killed with SIGKILL', () => {
  it.concurrent('loses nothing of what it wrote, 20 times', async ({ expect }) => {
    const rounds = Array.from({ length: 20 }, (_, index) => index);
    const kills: Kill[] = [];
    const next = async (): Promise<void> => {
      const round = rounds.shift();
      if (round === undefined) return;
      // Spread over the time in which the disk's tables first grow; the last ones some 100 writes into it.
      kills.push(await killUnderWrites(`round-${round}`, 'Durable', { reports: 1 + round, age: round }));
      return next();
    };
    await Promise.all([next(), next(), next()]);
    expect(kills.map((kill) => lost(kill.reported, kill))).toEqual(kills.map(() => []));
    expect(Math.min(...kills.map(({ reported }) => reported.length))).toBeGreaterThan(0);
  });

  it.concurrent('loses nothing that is older than 5 s, by the clock', async ({ expect }) => {
    const kill = await killUnderWrites('by-the-clock', 'Durable', { reports: 12, age: PROMISED_MILLISECONDS });
    expect(kill.old.length).toBeGreaterThanOrEqual(12);
    expect(lost(kill.old, kill)).toEqual([]);
  });

  it.concurrent("loses what is older than 5 s with QEMU's own cache, which is why the agent sets another", async ({
    expect,
  }) => {
    const kill = await killUnderWrites('writeback', 'Writeback', { reports: 12, age: PROMISED_MILLISECONDS });
    expect(kill.old.length).toBeGreaterThanOrEqual(12);
    expect(lost(kill.old, kill).length).toBeGreaterThan(kill.old.length / 2);
  });

  it.concurrent('loses nothing at the deadline of its stop either, whatever the cache', async ({ expect }) => {
    // More than any machine does before the deadline: a guest that has written all would hear the button.
    const stubborn = await makeWritingGuest(folder, 'stubborn', { writes: 60_000, obeysButton: false });
    await using test = await startMachine(stubborn, { diskCache: 'Writeback', gracePeriodSeconds: 5 });
    await vi.waitFor(() => expect(reportedWrites(test.logged).length).toBeGreaterThan(0), { timeout: 20_000 });
    await test.stop();
    expect(test.recorded.at(-1)).toMatchObject({ lastStop: { kind: 'Unclean' } });
    const onDisk = await writesOnDisk(stubborn);
    expect(reportedWrites(test.logged).filter(({ number }) => !onDisk.has(number))).toEqual([]);
  });
});
