import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { z } from 'zod';
import { ensureDebianPackages } from '../../scripts/debian-packages.ts';
import { copyDisk } from './boot-sector.ts';
import { makeBootSectorGuest, makeSlowGuest } from './boot-sector-guest.ts';
import { type MachineUnderTest, startMachine } from './machine-under-test.ts';

let folder: string;
let quick: string;
let slow: string;

beforeAll(async () => {
  await ensureDebianPackages(['qemu-system-x86', 'qemu-utils']);
  folder = await mkdtemp(path.join(tmpdir(), 'loco-stop-'));
  quick = await makeBootSectorGuest(folder);
  slow = await makeSlowGuest(folder);
}, 300_000);

afterAll(() => rm(folder, { recursive: true }));

const runs = (test: MachineUnderTest) => test.until('the guest runs', ({ phase }) => phase === 'Running');

const type = (test: MachineUnderTest, letter: string) => test.qemu()?.serial.write(letter);

const ignoreButton = async (test: MachineUnderTest) => {
  type(test, 'i');
  await vi.waitFor(() => expect(test.logged.map(({ serial }) => serial)).toContain('I'), { timeout: 20_000 });
};

const presses = (test: MachineUnderTest) => test.logged.filter(({ msg }) => msg === 'Pressed the power button').length;

const isPressed = (test: MachineUnderTest) =>
  vi.waitFor(() => expect(presses(test)).toBeGreaterThan(0), { timeout: 20_000 });

describe('TERM', { timeout: 60_000 }, () => {
  it.concurrent.each([0, 1000, 3000, 8000])(
    'after %i ms of a boot in which the guest hears no button for 4 s ends it clean',
    async (milliseconds) => {
      await using test = await startMachine(await copyDisk(slow, folder, `slow-${milliseconds}`));
      await runs(test);
      await test.machine.clock.sleep(milliseconds);
      await test.stop();
      expect(test.recorded.at(-1)).toMatchObject({ state: 'Stopped', lastStop: { kind: 'Clean' } });
      expect(presses(test)).toBeGreaterThanOrEqual(milliseconds <= 1000 ? 2 : 1);
    },
  );

  it.concurrent("during the guest's reboot ends it clean when it has come up again", async ({ expect }) => {
    await using test = await startMachine(await copyDisk(slow, folder, 'rebooting'));
    await test.until('up', ({ ready }) => ready);
    type(test, 'r');
    await test.until('reset', ({ ready }) => !ready);
    await test.stop();
    expect(test.recorded.at(-1)).toMatchObject({ lastStop: { kind: 'Clean' } });
  });

  it.concurrent('that the guest answers with a restart ends it, and nothing is claimed of its shutdown', async ({
    expect,
  }) => {
    await using test = await startMachine(await copyDisk(quick, folder, 'restarting'));
    await test.until('up', ({ ready }) => ready);
    await ignoreButton(test);
    const stopped = test.stop();
    await isPressed(test);
    type(test, 'r');
    await stopped;
    expect(test.recorded.at(-1)).toMatchObject({
      lastStop: { kind: 'Unclean', message: expect.stringContaining('restarted itself while it was being stopped') },
    });
  });

  it.concurrent('that the guest ignores ends it at the deadline, which is an unclean stop', async ({ expect }) => {
    await using test = await startMachine(await copyDisk(quick, folder, 'ignoring'), { gracePeriodSeconds: 8 });
    await test.until('up', ({ ready }) => ready);
    await ignoreButton(test);
    await test.stop();
    expect(test.recorded.at(-1)).toMatchObject({
      lastStop: { kind: 'Unclean', message: expect.stringContaining('did not shut down within 8 s') },
    });
    expect(presses(test)).toBe(2);
  });

  it.concurrent('under which QEMU is killed is an unclean stop', async ({ expect }) => {
    await using test = await startMachine(await copyDisk(quick, folder, 'killed'));
    await test.until('up', ({ ready }) => ready);
    await ignoreButton(test);
    const stopped = test.stop();
    await isPressed(test);
    test.qemu()?.kill();
    await stopped;
    expect(test.recorded.at(-1)).toMatchObject({
      lastStop: { kind: 'Unclean', message: expect.stringContaining('SIGKILL') },
    });
    expect(test.reports.at(-1)).toMatchObject({ phase: 'Stopped', message: expect.stringContaining('SIGKILL') });
  });

  it.concurrent('before a guest ran tells nothing of a stop in an earlier life', async ({ expect }) => {
    const lastStop = { kind: 'Unclean', at: '2026-01-01T00:00:00Z', message: 'Long ago.' } as const;
    await using test = await startMachine(
      await copyDisk(quick, folder, 'earlier'),
      {},
      { stopBeforeGuest: true, record: { lastStop, state: 'Stopped' } },
    );
    await test.until('stopped', ({ phase }) => phase === 'Stopped');
    expect(test.reports.at(-1)).toMatchObject({ message: 'Stopped before the guest ran.', disk: { lastStop } });
  });

  it.concurrent('reaches a guest whose QEMU hangs for a while', async ({ expect }) => {
    await using test = await startMachine(await copyDisk(quick, folder, 'hanging'));
    await test.until('up', ({ ready }) => ready);
    const pid = z.int().parse(test.qemu()?.pid);
    process.kill(pid, 'SIGSTOP');
    const stopped = test.stop();
    await test.machine.clock.sleep(3000);
    process.kill(pid, 'SIGCONT');
    await stopped;
    expect(test.recorded.at(-1)).toMatchObject({ lastStop: { kind: 'Clean' } });
  });
});
