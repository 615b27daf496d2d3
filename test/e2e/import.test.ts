import { copyFile, mkdtemp, rm, stat, truncate } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Scenario } from './support/scenario.ts';
import { eventually, throughout } from './support/wait.ts';

describe('somebody with their own disk and the public image', () => {
  const scenario = new Scenario('import');
  const pod = 'mine-0';
  let folder: string;
  let line: string;

  beforeAll(async () => {
    await scenario.open();
    folder = await mkdtemp(join(tmpdir(), 'loco-import-'));
  });
  afterAll(async () => {
    await rm(folder, { recursive: true, force: true });
    await scenario.close();
  });

  test('sees AwaitingDisk with the line to paste', async () => {
    await scenario.applyEmulator('mine', { image: scenario.images.qemu, storage: { mode: 'Persistent', size: '1Gi' } });
    const condition = await scenario.condition('mine', 'DisksReady', 'False', 'AwaitingDisk');
    const found = /kubectl exec .* loco-agent import < win98\.qcow2/.exec(condition.message);
    expect(found, condition.message).not.toBeNull();
    line = found?.[0] ?? '';
    await eventually('an event says so', async () => (await scenario.events('mine', 'AwaitingDisk')).length > 0);
  });

  test('is refused a file that was cut in the middle, and the machine goes on waiting', async () => {
    const file = join(folder, 'win98.qcow2');
    await copyFile(scenario.cluster.environment.guestDisk, file);
    await truncate(file, Math.floor((await stat(file)).size / 2));
    const refused = await scenario.paste(line, folder);
    expect(refused.exitCode).not.toBe(0);
    expect(refused.all).toMatch(/cut|truncated|incomplete/i);
    await scenario.interruption();
    await scenario.condition('mine', 'DisksReady', 'False', 'AwaitingDisk');
  });

  test('pastes the line with the whole file, and the guest boots', async () => {
    await copyFile(scenario.cluster.environment.guestDisk, join(folder, 'win98.qcow2'));
    const pasted = await scenario.paste(line, folder);
    expect(pasted.exitCode, pasted.all).toBe(0);
    await scenario.interruption();
    const emulator = await scenario.ready('mine');
    expect(await scenario.bootCount(pod)).toBe(1);
    expect(emulator.status?.diskOrigin).toBe('Imported');
    await scenario.replacePod('mine', pod);
    expect(await scenario.bootCount(pod)).toBe(2);
  });

  test('imports a disk without a boot sector: that machine is never Ready', async () => {
    await scenario.applyEmulator('blank', {
      image: scenario.images.qemu,
      storage: { mode: 'Persistent', size: '1Gi' },
      shutdown: { gracePeriodSeconds: 5 },
    });
    const condition = await scenario.condition('blank', 'DisksReady', 'False', 'AwaitingDisk');
    await copyFile(scenario.cluster.environment.blankDisk, join(folder, 'win98.qcow2'));
    const command = /kubectl exec .* loco-agent import < win98\.qcow2/.exec(condition.message)?.[0] ?? '';
    const pasted = await scenario.paste(command, folder);
    expect(pasted.exitCode, pasted.all).toBe(0);
    const unready = async () => {
      const { status } = await scenario.emulator('blank');
      expect(status?.machines?.[0]?.ready).toBe(false);
      expect(status?.conditions?.find(({ type }) => type === 'Ready')?.status).toBe('False');
      return status?.machines?.[0];
    };
    await eventually('QEMU runs, and the machine says why it is not ready', async () => {
      const machine = (await scenario.emulator('blank')).status?.machines?.[0];
      return machine?.phase === 'Running' && /boot/i.test(machine.message);
    });
    await throughout(15_000, async () => {
      expect((await unready())?.phase).toBe('Running');
    });
  });
});
