import { PNG } from 'pngjs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Scenario } from './support/scenario.ts';
import { vncLogin } from './support/vnc.ts';

describe('the screen of a machine', () => {
  const scenario = new Scenario('display');

  beforeAll(async () => {
    await scenario.open();
    await scenario.applyEmulator('screen', { storage: { mode: 'Ephemeral' } });
    await scenario.interruption();
    await scenario.ready('screen');
  });
  afterAll(() => scenario.close());

  async function password(): Promise<string> {
    const shown = await scenario.cluster.kubectl([
      '-n',
      scenario.namespace,
      'get',
      'secret',
      'screen-vnc',
      '-o',
      'jsonpath={.data.password}',
    ]);
    return Buffer.from(shown.stdout, 'base64').toString();
  }

  test('VNC refuses a viewer without the password, and one with another', async () => {
    expect(await vncLogin(scenario, 'screen-0', undefined)).toBe('refused');
    expect(await vncLogin(scenario, 'screen-0', 'guessing')).toBe('refused');
  });

  test('VNC lets a viewer in with the password that the operator made', async () => {
    expect(await password()).toMatch(/^[A-Za-z0-9]{8}$/);
    expect(await vncLogin(scenario, 'screen-0', await password())).toBe('accepted');
  });

  test('a screenshot shows the guest: several colours, and the boot counter was printed', async () => {
    const shot = await scenario.cluster.screenshot(scenario.namespace, 'screen-0');
    const picture = PNG.sync.read(shot);
    const colours = new Set<number>();
    for (let index = 0; index < picture.data.length; index += 4) colours.add(picture.data.readUInt32BE(index));
    expect(colours.size).toBeGreaterThan(1);
    expect(picture.width).toBeGreaterThanOrEqual(640);
    expect(await scenario.bootCount('screen-0')).toBe(1);
  });

  test('the password is in no argument, environment, log, event or status', async () => {
    const secret = await password();
    const processes = await scenario.cluster.kubectl([
      '-n',
      scenario.namespace,
      'exec',
      'screen-0',
      '-c',
      'emulator',
      '--',
      'sh',
      '-c',
      'cat /proc/[0-9]*/cmdline /proc/[0-9]*/environ 2>/dev/null',
    ]);
    const pod = await scenario.cluster.kubectl([
      '-n',
      scenario.namespace,
      'get',
      'pod,emu,events,configmaps,statefulset',
      '-o',
      'yaml',
    ]);
    for (const text of [processes.stdout, pod.stdout, await scenario.log('screen-0')]) {
      expect(text).not.toContain(secret);
    }
  });
});
