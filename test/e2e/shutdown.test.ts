import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { checkDisks } from './support/disk-errors.ts';
import { Machine } from './support/machine.ts';
import { Scenario } from './support/scenario.ts';

const GRACE_SECONDS = 120;
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
    if ((await machine.said('boot')) === '1') {
      // It was told before QEMU let the guest run: nothing was to be shut down, and nothing is told.
      expect(stop).toBeUndefined();
    } else {
      expect(await machine.said('boot')).toBe('2');
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
    expect(await scenario.warnings('stubborn')).toContain(`stubborn-0: Unclean: ${message}`);
  });
});

describe('told to stop later', () => {
  beforeAll(() => scenario.interruption());

  test.concurrent('while it restarts, a guest is not cut off in its shutdown', async () => {
    const boot = Number(await first.said('boot'));
    await first.type('reboot');
    const seconds = await first.deletePod();
    expect(seconds).toBeLessThan(GRACE_SECONDS);
    await first.up();
    expect(await first.said('clean')).toBe('yes');
    const stop = await first.lastStop();
    if (stop?.kind === 'Unclean') {
      // The restart came while it was being stopped, and looks like that of a guest that crashed.
      expect(stop.message).toContain('restarted itself while it was being stopped');
      expect(await first.said('boot')).toBe(String(boot + 1));
    } else {
      expect(stop?.message).toBe('The guest shut down by itself.');
      expect(await first.said('boot')).toBe(String(boot + 2));
    }
  });

  test.concurrent('after it has begun to boot again, a guest shuts down', async () => {
    const boot = Number(await second.said('boot'));
    await second.type('reboot');
    await second.logs('The guest was reset');
    await second.deletePod();
    await second.up(boot + 2);
    expect(await second.said('clean')).toBe('yes');
    expect(await second.lastStop()).toMatchObject({ kind: 'Clean', message: 'The guest shut down by itself.' });
  });

  test.concurrent.each([third, fourth])('twice under disk load, $pod leaves its files clean', async (machine) => {
    for (const _ of [1, 2]) {
      const boot = Number(await machine.said('boot'));
      await machine.type('load 0');
      await machine.deletePod();
      await machine.up(boot + 1);
      expect(await machine.said('clean')).toBe('yes');
      expect(await machine.said('files')).toBe('clean');
      expect(await machine.lastStop()).toMatchObject({ kind: 'Clean' });
    }
  });
});

test('after all that qemu-img finds no error in any of the disks', async () => {
  for (const name of ['room', 'stubborn']) {
    await scenario.patch(name, { powerState: 'Stopped' });
    await scenario.stopped(name);
  }
  const said = await checkDisks(scenario, await scenario.claims());
  expect(said).toEqual(Array(5).fill('No errors were found on the image.'));
});
