import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { ensureDebianPackages } from '../../scripts/debian-packages.ts';
import { type LingeringGuest, makeLingeringGuest } from './lingering-guest.ts';
import { type MachineUnderTest, startMachine } from './machine-under-test.ts';

let folder: string;

beforeAll(async () => {
  await ensureDebianPackages(['qemu-system-x86', 'qemu-utils']);
  folder = await mkdtemp(path.join(tmpdir(), 'loco-power-off-'));
}, 300_000);

afterAll(() => rm(folder, { recursive: true }));

const SENTENCE = "It's now safe to turn off your computer.";
const ORANGE = [63, 32, 0] as const;
/** Brown, colour 6 of text modes. */
const BROWN = [42, 21, 0] as const;

/** Of an old monitor: 255,176,0. */
const AMBER = [63, 43, 0] as const;

const isUp = (test: MachineUnderTest) =>
  vi.waitFor(
    () => {
      if (!test.logged.some(({ serial }) => serial === 'LINGERER up')) throw new Error('The guest is not up.');
    },
    { timeout: 20_000 },
  );

const start = async (name: string, guest: LingeringGuest, settings: Parameters<typeof startMachine>[1] = {}) =>
  startMachine(await makeLingeringGuest(folder, name.replaceAll(/\W+/g, '-'), guest), settings);

describe("a guest that can't switch its machine off", { timeout: 60_000 }, () => {
  it.concurrent.each<[string, LingeringGuest]>([
    ["Windows 98's words", { screen: { kind: 'Text', lines: ['', SENTENCE] }, rest: 'Halted' }],
    ["Windows 98's words, while it waits for a key", { screen: { kind: 'Text', lines: [SENTENCE] }, rest: 'Idle' }],
    [
      "Linux's words, where it has scrolled to",
      { screen: { kind: 'Text', lines: ['[   12.345678] reboot: System halted', 'x'], row: 60 }, rest: 'Halted' },
    ],
    ["Windows 98's picture", { screen: { kind: 'Picture', colour: ORANGE, modeX: true }, rest: 'Halted' }],
    ['a picture of 200 lines', { screen: { kind: 'Picture', colour: ORANGE, modeX: false }, rest: 'Idle' }],
  ])('is ended as soon as it shows %s', async (name, guest) => {
    await using test = await start(name, guest);
    await isUp(test);
    await test.stop();
    expect(test.recorded.at(-1)).toMatchObject({ state: 'Stopped', lastStop: { kind: 'SafeToPowerOff' } });
    expect(test.reports.at(-1)).toMatchObject({
      phase: 'Stopped',
      message: expect.stringContaining('safe to switch off'),
    });
  });

  it.concurrent('counts as off when nobody asked it to stop', async ({ expect }) => {
    const guest: LingeringGuest = { screen: { kind: 'Text', lines: [SENTENCE] }, rest: 'Halted' };
    await using test = await start('by-itself', guest, { onGuestPowerOff: 'Stay' });
    await isUp(test);
    test.qemu()?.serial.write('e');
    await test.until('off', ({ phase }) => phase === 'PoweredOff', 30_000);
    expect(test.recorded.at(-1)).toMatchObject({ state: 'Stopped', lastStop: { kind: 'SafeToPowerOff' } });
  });

  it.concurrent.each<[string, LingeringGuest]>([
    ['at a black screen', { screen: { kind: 'Black' }, rest: 'Idle' }],
    ['halted at a black screen', { screen: { kind: 'Black' }, rest: 'Halted' }],
    ['at a prompt below the words', { screen: { kind: 'Text', lines: [SENTENCE, 'C:\\>'] }, rest: 'Idle' }],
    ['at a prompt where the words were typed', { screen: { kind: 'Text', lines: [`C:\\>${SENTENCE}`] }, rest: 'Idle' }],
    ['at a brown picture', { screen: { kind: 'Picture', colour: BROWN, modeX: true }, rest: 'Idle' }],
    ['at an amber text screen', { screen: { kind: 'Text', lines: ['W'.repeat(70)], colour: AMBER }, rest: 'Idle' }],
    [
      'at an amber text screen without a letter',
      { screen: { kind: 'Text', lines: ['\u00db'.repeat(70)], row: 0, colour: AMBER }, rest: 'Idle' },
    ],
    ['working behind the words', { screen: { kind: 'Text', lines: [SENTENCE] }, rest: 'Spinning' }],
    ['writing to its disk behind the words', { screen: { kind: 'Text', lines: [SENTENCE] }, rest: 'Writing' }],
  ])('is not ended while it is only %s', async (name, guest) => {
    await using test = await start(name, guest, { gracePeriodSeconds: 9 });
    await isUp(test);
    await test.stop();
    expect(test.recorded.at(-1)).toMatchObject({
      state: 'Stopped',
      lastStop: { kind: 'Unclean', message: expect.stringContaining('did not shut down within 9 s') },
    });
  });
});
