import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readDisks } from './support/disks-at-rest.ts';
import { Machine } from './support/machine.ts';
import { Scenario } from './support/scenario.ts';
import { eventually } from './support/wait.ts';

/** More than a guest under load takes on a busy machine: none of them is to be cut off. */
const GRACE_SECONDS = 300;
const STUBBORN_GRACE_SECONDS = 6;

const scenario = new Scenario('shutdown');
const storage = { mode: 'Persistent', size: '1Gi' };
const [first, second, third, fourth] = [
  new Machine(scenario, 'room', 0),
  new Machine(scenario, 'room', 1),
  new Machine(scenario, 'room', 2),
  new Machine(scenario, 'room', 3),
];
const stubborn = new Machine(scenario, 'stubborn');

beforeAll(async () => {
  await scenario.open();
  const shutdown = { gracePeriodSeconds: GRACE_SECONDS };
  await scenario.applyEmulator('room', { replicas: 4, storage, shutdown });
  await scenario.applyEmulator('stubborn', {
    storage,
    shutdown: { gracePeriodSeconds: STUBBORN_GRACE_SECONDS },
  });
});
afterAll(() => scenario.close());

describe('told to stop while it boots, a guest shuts down as soon as it can', () => {
  test.concurrent.each([
    { seconds: 0, machine: first },
    { seconds: 1, machine: second },
    { seconds: 3, machine: third },
    { seconds: 8, machine: fourth },
  ])('$seconds s after its start', async ({ seconds, machine }) => {
    await machine.containerRuns();
    await delay(seconds * 1000);
    const asked = new Date().toISOString();
    expect(await machine.deletePod()).toBeLessThan(GRACE_SECONDS);
    await machine.up();
    const stop = await machine.lastStop();
    expect(await machine.said('clean')).toBe('yes');
    // It is the disk of before: one that was lost and made anew would count from one as well.
    expect((await machine.report()).disk?.preparedAt ?? '').toSatisfy((at: string) => at !== '' && at < asked);
    const boot = await machine.said('boot');
    if (boot === '1') {
      // It was told before QEMU let the guest run: nothing was to be shut down, and nothing is told.
      expect(stop).toBeUndefined();
    } else {
      expect(boot).toBe('2');
      expect(stop).toMatchObject({ kind: 'Clean', message: 'The guest shut down by itself.' });
      expect(stop?.at ?? '').toSatisfy((at: string) => at > asked);
    }
  });

  test.concurrent('one that ignores the button is written out and switched off at its deadline, as a Warning', async () => {
    await stubborn.type('ignore-button');
    const seconds = await stubborn.deletePod();
    expect(seconds).toBeGreaterThan(STUBBORN_GRACE_SECONDS);
    expect(seconds).toBeLessThan(GRACE_SECONDS);
    await stubborn.up(2);
    expect(await stubborn.said('clean')).toBe('no');
    const message = `The guest did not shut down within ${STUBBORN_GRACE_SECONDS} s and was switched off.`;
    const stop = await stubborn.lastStop();
    expect(stop).toMatchObject({ kind: 'Unclean', message });
    expect((await stubborn.report()).disk?.lastCheck?.at ?? '').toSatisfy((at: string) => at > (stop?.at ?? ''));
    await eventually('a warning tells of it', async () =>
      (await scenario.warnings('stubborn')).includes(`stubborn-0: Unclean: ${message}`),
    );
  });
});

/** Both the guest's mark and its file system's are clean, and the record says so. */
async function expectCleanStop(machine: Machine): Promise<void> {
  expect(await machine.said('clean')).toBe('yes');
  expect(await machine.said('files')).toBe('clean');
  expect(await machine.lastStop()).toMatchObject({ kind: 'Clean', message: 'The guest shut down by itself.' });
}

describe('told to stop when it is up', () => {
  test.concurrent.each([third, fourth])('under disk load, $pod leaves its files clean', async (machine) => {
    const boot = Number(await machine.said('boot'));
    await machine.type('load 0');
    expect(await machine.deletePod()).toBeLessThan(GRACE_SECONDS);
    await machine.up(boot + 1);
    await expectCleanStop(machine);
  });

  test('together with all others, under disk load or in its restart, none is cut off', async () => {
    await Promise.all([third.type('load 0'), fourth.type('load 0')]);
    await second.type('reboot');
    await second.logs('The guest was reset');
    await first.type('reboot');
    await scenario.patch('room', { powerState: 'Stopped' });
    await scenario.interruption();
    await scenario.stopped('room', GRACE_SECONDS * 1000 + 60_000);
  });

  test('the guests have left clean marks and records on their volumes, and qemu-img finds no error', async () => {
    const disks = await readDisks(
      scenario,
      [0, 1, 2, 3].map((ordinal) => `win98-disk-room-${ordinal}`),
    );
    // Read from there: an operator that was restarted meanwhile did not hear the machines' last words.
    const lastStop = 'Clean: The guest shut down by itself.';
    const clean = { check: 'No errors were found on the image.', state: 'clean', files: 'clean', lastStop };
    // Of a guest that restarts while it is being stopped nobody can tell whether it crashed.
    const restarted = expect.stringMatching(/shut down by itself|restarted itself while it was being stopped/);
    expect(disks).toEqual([
      { ...clean, files: 'none', lastStop: restarted },
      { ...clean, files: 'none', lastStop: restarted },
      clean,
      clean,
    ]);
  });
});
