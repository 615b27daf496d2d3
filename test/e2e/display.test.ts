import { PNG } from 'pngjs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Scenario } from './support/scenario.ts';
import { vncLogin } from './support/vnc.ts';
import { eventually } from './support/wait.ts';

describe('the screen of a machine', () => {
  const scenario = new Scenario('display');

  beforeAll(async () => {
    await scenario.open();
    await scenario.applyEmulator('screen', { storage: { mode: 'Ephemeral' }, machine: { timeZone: 'Asia/Tokyo' } });
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
    // Before that, the guest's kernel clears the screen once.
    expect(await scenario.bootCount('screen-0')).toBe(1);
    const shot = await scenario.cluster.screenshot(scenario.namespace, 'screen-0');
    const picture = PNG.sync.read(shot);
    const colours = new Set<number>();
    for (let index = 0; index < picture.data.length; index += 4) colours.add(picture.data.readUInt32BE(index));
    expect(colours.size).toBeGreaterThan(1);
    expect(picture.width).toBeGreaterThanOrEqual(640);
  });

  test('the guest finds the local time of its zone on its clock, and a versioned machine type under it', async () => {
    const [, clock] = await scenario.guestLine('screen-0', /LOCO-GUEST time=([\dT:-]+)/g);
    // Japan is nine hours ahead of UTC all year.
    const hoursAhead = (Date.parse(`${clock}Z`) - Date.now()) / 3_600_000;
    expect(hoursAhead).toBeGreaterThan(8.8);
    expect(hoursAhead).toBeLessThanOrEqual(9);
    const qemu = await scenario.cluster.kubectl(
      ['-n', scenario.namespace, 'exec', 'screen-0', '-c', 'emulator', '--', 'sh', '-c', 'cat /proc/[0-9]*/cmdline'],
      { reject: false },
    );
    expect(qemu.stdout).toMatch(/pc-i440fx-\d+\.\d+/);
  });

  test('neither the password nor the agent token is in an argument, environment, log, event or status', async () => {
    const token = await scenario.cluster.kubectl([
      '-n',
      scenario.namespace,
      'get',
      'secret',
      'screen-agent',
      '-o',
      'jsonpath={.data.token}',
    ]);
    const secrets = [await password(), Buffer.from(token.stdout, 'base64').toString()];
    const script = 'cat /proc/[0-9]*/cmdline /proc/[0-9]*/environ 2>/dev/null';
    const processes = await scenario.cluster.kubectl(
      ['-n', scenario.namespace, 'exec', 'screen-0', '-c', 'emulator', '--', 'sh', '-c', script],
      { reject: false },
    );
    expect(processes.stdout).toContain('qemu-system-i386');
    const objects = await scenario.cluster.kubectl([
      '-n',
      scenario.namespace,
      'get',
      'pod,emu,events,configmaps,statefulset',
      '-o',
      'yaml',
    ]);
    const operator = await scenario.cluster.operatorLog();
    const logs = [await scenario.log('screen-0'), await scenario.log('screen-0', 'init-disk-image'), operator];
    // As Secrets hold them, too.
    const forms = secrets.flatMap((secret) => [secret, Buffer.from(secret).toString('base64')]);
    for (const text of [processes.stdout, objects.stdout, ...logs]) {
      for (const secret of forms) {
        expect(secret.length).toBeGreaterThanOrEqual(8);
        expect(text.includes(secret)).toBe(false);
      }
    }
  });

  test('from where it may be reached is the user’s to say, and to change without a restart', async () => {
    const pod = await scenario.podUid('screen-0');
    const reached = async (): Promise<unknown[]> => {
      const shown = await scenario.cluster.kubectl([
        '-n',
        scenario.namespace,
        'get',
        'networkpolicy',
        'screen-machines',
        '-o',
        'json',
      ]);
      const { spec } = JSON.parse(shown.stdout) as {
        spec: { ingress: { ports: { port: number }[]; from?: unknown }[] };
      };
      return spec.ingress.map(({ ports, from }) => [ports.map(({ port }) => port), from]);
    };
    const operator = [[8080], [expect.objectContaining({ podSelector: expect.anything() })]];
    expect(await reached()).toEqual([operator, [[5901, 5701], [{ podSelector: {} }]]]);
    await scenario.patch('screen', { display: { access: [{ ipBlock: { cidr: '10.0.0.0/8' } }] } });
    await eventually('the policy is another one', async () => JSON.stringify(await reached()).includes('10.0.0.0/8'));
    await scenario.patch('screen', { display: { access: [] } });
    await eventually('the policy lets nobody to the screen', async () => (await reached()).length === 1);
    expect(await reached()).toEqual([operator]);
    await scenario.condition('screen', 'RestartRequired', 'False');
    expect(await scenario.podUid('screen-0')).toBe(pod);
  });

  test('no token of the API server is in the machine’s pod', async () => {
    const pod = await scenario.cluster.core.readNamespacedPod({ name: 'screen-0', namespace: scenario.namespace });
    expect(pod.spec?.automountServiceAccountToken).toBe(false);
    expect(pod.spec?.volumes?.filter(({ projected }) => projected !== undefined)).toEqual([]);
    const look = await scenario.cluster.kubectl(
      ['-n', scenario.namespace, 'exec', 'screen-0', '-c', 'emulator', '--', 'ls', '/var/run/secrets'],
      { reject: false },
    );
    expect(look.exitCode).not.toBe(0);
    expect(look.all).toContain('No such file');
  });
});
