import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Machine } from './support/machine.ts';
import { Scenario } from './support/scenario.ts';
import { SmallVolume } from './support/small-volume.ts';
import { eventually } from './support/wait.ts';

const WITHIN_MS = 10_000;

const { hasNodeAccess } = new Scenario('full-volume').cluster.environment;

describe.skipIf(!hasNodeAccess)('a machine whose volume is full', () => {
  const scenario = new Scenario('full-volume');
  const machine = new Machine(scenario, 'cramped');
  let volume: SmallVolume | undefined;
  /** MiB that the guest has written, from the same place on each time. */
  let written = 0;

  beforeAll(async () => {
    const node = await scenario.cluster.node();
    if (node === undefined) return;
    volume = new SmallVolume(scenario, node, 'small');
    await scenario.open();
    await volume.open(96);
    await volume.addBallast(24);
  });
  afterAll(async () => {
    await scenario.close();
    await volume?.close();
  });

  /** When the agent noticed that an access of the guest failed for the first time, by its log, as milliseconds since 1970. */
  async function pausedAt(): Promise<number> {
    return eventually('the guest was paused', async () => {
      const lines = (await scenario.log(machine.pod)).split('\n');
      const first = lines.find((line) => line.includes('to its disk failed'));
      const time = (JSON.parse(first ?? '{}') as { time?: string }).time;
      return time === undefined ? undefined : Date.parse(time);
    });
  }

  /** When an event of this reason about the Emulator was last told. */
  async function toldAt(reason: string): Promise<number> {
    return eventually(`an event ${reason} was told`, async () => {
      const events = await scenario.cluster.core.listNamespacedEvent({ namespace: scenario.namespace });
      const times = events.items
        .filter((event) => event.reason === reason && event.involvedObject.kind === 'Emulator')
        .map((event) => new Date(event.eventTime ?? 0).getTime());
      return times.length === 0 ? undefined : Math.max(...times);
    });
  }

  test('is paused, and condition and event say so with the volume’s figures within 10 s', async () => {
    await scenario.applyEmulator('cramped', { storage: { mode: 'Persistent', existingClaim: { name: 'small' } } });
    await scenario.ready('cramped');
    await scenario.condition('cramped', 'DisksWritable', 'True');
    written = ((await volume?.freeMebibytes()) ?? 0) + 10;
    const { condition, told } = await scenario.cluster.undisturbed(async () => {
      await machine.enter(`write-direct ${written}`);
      const seen = await scenario.condition('cramped', 'DisksWritable', 'False', 'VolumeFull');
      return { condition: seen, told: await toldAt('VolumeFull') };
    });
    expect(condition.message).toMatch(
      /^cramped-0: .* volume is full \(\d+ MiB of \d+ MiB are free\)\. .*storage\.size/,
    );
    await scenario.condition('cramped', 'Ready', 'False', 'VolumeFull');
    const paused = await pausedAt();
    const delays = {
      condition: Date.parse(condition.lastTransitionTime) - paused,
      event: told - paused,
    };
    // The operator's clock is the agent's here, and the condition's time may be cut to whole seconds.
    for (const delay of Object.values(delays)) {
      expect(delay).toBeGreaterThan(-1_000);
      expect(delay).toBeLessThan(WITHIN_MS);
    }
    expect((await scenario.events('cramped', 'VolumeFull'))[0]).toMatch(/\d+ MiB of \d+ MiB are free/);
  });

  test('goes on by itself when there is room', async () => {
    const { pod } = machine;
    await volume?.removeBallast();
    await scenario.condition('cramped', 'DisksWritable', 'True');
    await eventually('the event says so', async () => (await scenario.events('cramped', 'DisksWritable')).length > 0);
    await eventually('the guest has written all', async () =>
      (await scenario.log(pod)).includes('LOCO-GUEST ok write'),
    );
    await scenario.ready('cramped');
    expect(await machine.restarts()).toBe(0);
  });

  test('is stopped cleanly while it is paused by it, with the reserve, and starts again', async () => {
    await scenario.interruption();
    // Less beyond what is free than the reserve has, so that the guest has done when that is given to it.
    await machine.enter(`write-direct ${written + ((await volume?.freeMebibytes()) ?? 0) + 2}`);
    await scenario.condition('cramped', 'DisksWritable', 'False', 'VolumeFull');
    await scenario.patch('cramped', { powerState: 'Stopped' });
    await scenario.stopped('cramped');
    expect((await scenario.condition('cramped', 'DisksWritable', 'Unknown')).reason).toBe('NoMachineRuns');
    await scenario.patch('cramped', { powerState: 'Running' });
    await scenario.ready('cramped');
    expect(await scenario.bootCount(machine.pod)).toBe(2);
    // Asked of the next start: an operator that was restarted meanwhile did not hear the last words of the one before.
    expect((await machine.lastStop())?.kind).toBe('Clean');
    expect((await scenario.guestLine(machine.pod, /LOCO-GUEST clean=(\w+)/g))[1]).toBe('yes');
  });
});
