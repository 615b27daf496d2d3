import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Scenario } from './support/scenario.ts';
import { onVolume } from './support/volume.ts';
import { eventually } from './support/wait.ts';

describe('a disk that is damaged while its machine is stopped', () => {
  const scenario = new Scenario('corruption');
  const pod = 'damaged-0';
  const claim = 'win98-disk-damaged-0';
  const CUT = 5 * 2 ** 20;
  let before: string | undefined;

  beforeAll(() => scenario.open());
  afterAll(() => scenario.close());

  /** Length of a file on the volume, as the machine that waits with it sees it. */
  async function sizeOf(path: string, container: string): Promise<number> {
    const stat = ['exec', pod, '-c', container, '--', 'stat', '--format=%s', path];
    return Number((await scenario.cluster.kubectl(['-n', scenario.namespace, ...stat])).stdout);
  }

  async function disk() {
    return (await scenario.emulator('damaged')).status?.machines?.[0]?.disk;
  }

  test('stays where it is under onCorruption: Fail, and the status says what it is and what to do', async () => {
    await scenario.applyEmulator('damaged', { storage: { mode: 'Persistent', size: '1Gi' } });
    before = (await scenario.ready('damaged')).status?.machines?.[0]?.disk?.id;
    await scenario.patch('damaged', { powerState: 'Stopped' });
    await scenario.stopped('damaged');
    await onVolume(scenario, claim, `truncate -s ${CUT} /images/win98.qcow2`);
    await scenario.patch('damaged', { powerState: 'Running' });
    const { message } = await scenario.condition('damaged', 'DisksReady', 'False', 'DiskFailed');
    expect(message).toMatch(/^damaged-0: .*\/images\/win98\.qcow2/);
    expect(message).toContain('onCorruption');
    await scenario.condition('damaged', 'Ready', 'False', 'DiskFailed');
    await eventually('the event says so', async () =>
      (await scenario.events('damaged', 'DiskFailed')).some((note) => note.includes('win98.qcow2')),
    );
    await scenario.interruption();
    expect(await sizeOf('/images/win98.qcow2', 'init-disk-image')).toBe(CUT);
    // What was known of it is still there, and not given for what is true now.
    expect(await disk()).toMatchObject({ id: before, confirmed: false });
  });

  test('is put aside under Reprovision, without a restart of the pod, and the status says where it lies', async () => {
    const uid = await scenario.podUid(pod);
    await scenario.patch('damaged', { disk: { onCorruption: 'Reprovision' } });
    await scenario.interruption();
    await scenario.ready('damaged');
    expect(await scenario.podUid(pod)).toBe(uid);
    expect(await scenario.bootCount(pod)).toBe(1);
    const now = await disk();
    expect(now?.id).not.toBe(before);
    expect(now).toMatchObject({ confirmed: true, predecessor: { path: expect.stringContaining(`${before}`) } });
    const { path = '' } = now?.predecessor ?? {};
    expect(await sizeOf(path, 'emulator')).toBe(CUT);
    const [note] = await eventually('the event says so', async () => {
      const notes = await scenario.events('damaged', 'DiskQuarantined');
      return notes.length > 0 ? notes : undefined;
    });
    expect(note).toContain(path);
    expect(note).toContain(claim);
  });
});
