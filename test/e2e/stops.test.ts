import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Machine } from './support/machine.ts';
import { Scenario } from './support/scenario.ts';
import { eventually } from './support/wait.ts';

const scenario = new Scenario('stops');
const kept = new Machine(scenario, 'kept');
const filled = new Machine(scenario, 'filled');
const stays = new Machine(scenario, 'stays');

beforeAll(async () => {
  await scenario.open();
  const storage = { mode: 'Persistent', size: '1Gi' };
  await scenario.applyEmulator('kept', { storage });
  // The disk that is built into the image is taken, and the registry never asked for one.
  const disk = { snapshot: { reference: 'registry.invalid/loco/win98:base' } };
  await scenario.applyEmulator('filled', { storage: { ...storage, mode: 'Hybrid' }, disk });
  await scenario.applyEmulator('stays', { storage, shutdown: { onGuestPowerOff: 'Stay' } });
});
afterAll(() => scenario.close());

const diskOf = async (machine: Machine) => (await machine.report()).disk?.id;

/** Which disk a machine had when it was killed, and when that was. */
type Killed = Awaited<ReturnType<typeof nowOf>>;

async function nowOf(machine: Machine) {
  return { disk: await diskOf(machine), at: new Date().toISOString(), endsWhole: await machine.endsWhole() };
}

/** The container dies under the running guest, in a pod that stays; kubelet starts it again. */
async function killContainer(machine: Machine): Promise<void> {
  const before = { pod: await scenario.podUid(machine.pod), restarts: (await machine.restarts()) ?? 0 };
  await machine.killContainer();
  await eventually('the container was started again', async () => (await machine.restarts()) === before.restarts + 1);
  await machine.containerRuns();
  expect(await scenario.podUid(machine.pod)).toBe(before.pod);
  const ended = await machine.lastEnd();
  expect(ended).toMatchObject({ exitCode: 137 });
  const told = `ended with exit code ${ended?.exitCode} (${ended?.reason})`;
  await eventually(
    `an event tells that the container ${told}`,
    async () => (await scenario.events(machine.emulator, 'MachineRestarted')).some((message) => message.includes(told)),
    240_000,
    () => scenario.explain(machine.emulator),
  );
}

/** After a stop in which the guest was cut off: told as such, and the same disk checked before it ran again. */
async function expectUncleanAndChecked(machine: Machine, killed: Killed, words: RegExp): Promise<void> {
  const stop = await machine.lastStop();
  expect(stop).toMatchObject({ kind: 'Unclean', message: expect.stringMatching(words) });
  expect(await machine.said('clean')).toBe('no');
  const report = await machine.report();
  expect(report.disk?.id).toBe(killed.disk);
  expect(report.disk?.lastCheck?.at ?? '').toSatisfy((at: string) => at > killed.at);
  await eventually('an event tells of it', async () =>
    (await scenario.warnings(machine.emulator)).includes(`${machine.pod}: Unclean: ${stop?.message}`),
  );
}

const NOBODY_SAW_IT = /nobody recorded its end/;

/** The machines are looked at side by side, what happens to one of them in turn. */
const inTurn = { concurrent: false };

describe.concurrent('a machine on a volume', () => {
  test('restarts when its guest does, in the same QEMU', inTurn, async () => {
    await kept.up(1);
    const qemu = await kept.run(['pidof', 'qemu-system-i386']);
    await kept.type('reboot');
    await kept.up(2);
    expect(await kept.run(['pidof', 'qemu-system-i386'])).toBe(qemu);
    expect(await kept.said('clean')).toBe('yes');
    expect(await kept.restarts()).toBe(0);
    expect((await kept.report()).disk?.lastStop).toBeUndefined();
  });

  test('whose QEMU is killed for memory says so, and runs again on the same disk, checked first', inTurn, async () => {
    const killed = await nowOf(kept);
    await kept.runOutOfMemory();
    await kept.up(3);
    expect(await kept.lastEnd()).toEqual(killed.endsWhole ? { exitCode: 137, reason: 'OOMKilled' } : undefined);
    await expectUncleanAndChecked(kept, killed, killed.endsWhole ? NOBODY_SAW_IT : /memory limit/);
  });

  test('whose container is killed runs again in the same pod, on the same disk, checked first', inTurn, async () => {
    const killed = await nowOf(kept);
    await killContainer(kept);
    await kept.up(4);
    await expectUncleanAndChecked(kept, killed, NOBODY_SAW_IT);
  });
});

describe.concurrent('a hybrid machine', () => {
  test('whose guest switches itself off is started again in the same container', inTurn, async () => {
    await filled.type('poweroff');
    await filled.up(2);
    expect(await filled.said('clean')).toBe('yes');
    expect(await filled.restarts()).toBe(0);
    expect(await filled.lastStop()).toMatchObject({ kind: 'Clean', message: 'The guest shut down by itself.' });
  });

  test('whose container is killed runs again in the same pod, on the same disk, checked first', inTurn, async () => {
    const killed = await nowOf(filled);
    await killContainer(filled);
    await filled.up(3);
    await expectUncleanAndChecked(filled, killed, NOBODY_SAW_IT);
  });
});

describe.concurrent('a machine that is to stay off', () => {
  test('stays off when its guest switches itself off, and says how it is started again', inTurn, async () => {
    await stays.type('poweroff');
    const { message } = await stays.status('it is off', ({ phase, ready }) => phase === 'PoweredOff' && !ready);
    expect(message).toBe('The guest switched itself off and stays off. Delete the pod to start it again.');
    expect(await stays.restarts()).toBe(0);
    expect(await stays.lastStop()).toMatchObject({ kind: 'Clean' });
  });

  test('runs again after its pod was deleted', inTurn, async () => {
    await stays.deletePod();
    await stays.up(2);
    expect(await stays.said('clean')).toBe('yes');
    expect(await stays.lastStop()).toMatchObject({ kind: 'Clean', message: 'The guest shut down by itself.' });
  });
});

test('after all that Kubernetes holds none of them back', async () => {
  for (const name of ['kept', 'filled', 'stays']) await scenario.ready(name);
  const pods = await scenario.cluster.core.listNamespacedPod({ namespace: scenario.namespace });
  const restarts = pods.items.map(({ status }) => status?.containerStatuses?.[0]?.restartCount ?? 0);
  expect(Math.max(...restarts)).toBeLessThanOrEqual((await kept.endsWhole()) ? 2 : 1);
  const list = await scenario.cluster.core.listNamespacedEvent({ namespace: scenario.namespace });
  // A container that ended twice in ten minutes is held back for ten seconds.
  const twice = (await kept.endsWhole()) ? kept.pod : undefined;
  const held = list.items.filter(({ reason, involvedObject }) => reason === 'BackOff' && involvedObject.name !== twice);
  expect(held).toEqual([]);
});
