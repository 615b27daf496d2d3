import { readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { projectFolder } from '../../scripts/folders.ts';
import { Machine } from './support/machine.ts';
import { Scenario } from './support/scenario.ts';
import { vncLogin } from './support/vnc.ts';
import { eventually } from './support/wait.ts';

describe("another password for a running machine's screen", () => {
  const scenario = new Scenario('vnc-password');
  const machine = new Machine(scenario, 'screen');

  beforeAll(async () => {
    await scenario.open();
    await scenario.applyEmulator('screen', { storage: { mode: 'Ephemeral' } });
    await scenario.ready('screen');
    await machine.up(1);
  });
  afterAll(() => scenario.close());

  /** The first line of docs/screens.md with these words, as one types it for this machine. */
  async function line(words: string): Promise<string> {
    const page = await readFile(path.join(projectFolder, 'docs/screens.md'), 'utf8');
    const found = page.split('\n').find((candidate) => candidate.includes(words));
    if (found === undefined) throw new Error(`docs/screens.md has no line with ${words}`);
    return found.replaceAll('NAMESPACE', scenario.namespace).replaceAll('NAME', 'screen');
  }
  const paste = async (words: string): Promise<string> => {
    const { all, exitCode } = await scenario.paste(await line(words), tmpdir());
    expect(exitCode, all).toBe(0);
    return all;
  };
  const password = (): Promise<string> => paste('base64 -d');

  test('is one documented step, taken over without a restart', async () => {
    const [pod, before] = [await scenario.podUid(machine.pod), await password()];
    expect(await vncLogin(scenario, machine.pod, before)).toBe('accepted');
    await paste('/dev/urandom');
    await scenario.interruption();
    const after = await password();
    expect(after).toMatch(/^[A-Za-z0-9]{8}$/);
    expect(after).not.toBe(before);
    await eventually(
      'the machine takes the new password',
      async () => (await vncLogin(scenario, machine.pod, after)) === 'accepted',
      240_000,
      () => scenario.explain('screen'),
    );
    expect(await vncLogin(scenario, machine.pod, before)).toBe('refused');
    expect(await scenario.podUid(machine.pod)).toBe(pod);
    expect(await machine.boots()).toBe(1);
    expect(await machine.restarts()).toBe(0);
  });

  test('goes with the Emulator as the first one did, and shows in no log', async () => {
    const now = await password();
    const logs = [await scenario.log(machine.pod), await scenario.cluster.operatorLog()];
    expect(logs[0]).toContain('The VNC password was changed');
    for (const log of logs) expect(log.includes(now)).toBe(false);
    await scenario.deleteEmulator('screen');
    await eventually(
      'the Secret is gone',
      async () => (await scenario.cluster.get('v1', 'Secret', scenario.namespace, 'screen-vnc')) === undefined,
    );
  });
});
