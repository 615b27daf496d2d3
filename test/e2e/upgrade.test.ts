import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openCluster } from '../../scripts/cluster/index.ts';
import { Machine } from './support/machine.ts';
import { buildOlderQemu } from './support/older-qemu.ts';
import { Scenario } from './support/scenario.ts';

describe("an upgrade of the machines' image", () => {
  const scenario = new Scenario('upgrade');
  const machine = new Machine(scenario, 'classroom');
  const storage = { mode: 'Persistent', size: '1Gi' };
  let older: string;

  beforeAll(async () => {
    older = await buildOlderQemu(scenario.images.qemuBuiltin);
    await (await openCluster()).load(older);
    await scenario.open();
  });
  afterAll(() => scenario.close());

  /** What the guest itself finds: machine type, network address, and each device with its place on the bus. */
  async function hardware() {
    await machine.type('pci');
    await machine.type('status');
    const devices = [...(await scenario.log(machine.pod)).matchAll(/LOCO-GUEST pci=(\S+ [\da-f:]+)/g)];
    return {
      type: await machine.said('machine'),
      mac: await machine.said('mac'),
      devices: devices.map((device) => device[1]),
    };
  }

  test('leaves the guest its machine type, its devices where they are and its network address', async () => {
    await scenario.applyEmulator('classroom', { image: older, storage });
    const before = await hardware();
    expect(before.type).toBe('pc-i440fx-7.2');
    expect(before.devices.length).toBeGreaterThan(4);
    await scenario.interruption();
    await scenario.applyEmulator('classroom', { image: scenario.images.qemuBuiltin, storage });
    await scenario.condition('classroom', 'RestartRequired', 'True');
    await machine.deletePod();
    await machine.up(2);
    // A machine that starts for the first time would get a newer type there.
    expect(await machine.run(['qemu-system-i386', '-machine', 'help'])).toMatch(
      /^pc-i440fx-(8|9|10)\.\d .*\(default\)$/m,
    );
    expect(await hardware()).toEqual(before);
  });
});
