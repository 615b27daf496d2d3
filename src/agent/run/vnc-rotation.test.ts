import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { failed, success } from '../failure.ts';
import { podEndpoints } from './qemu-arguments.ts';
import type { QmpClient } from './qmp.ts';
import { followVncPassword } from './vnc-rotation.ts';

describe("the password of a running machine's screen", () => {
  let folder: string;
  let mounted: string;
  /** What QEMU was asked for. */
  let asked: unknown[];
  let logged: string[];
  let isDeaf: boolean;

  beforeEach(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'loco-rotation-'));
    mounted = path.join(folder, 'mounted');
    [asked, logged, isDeaf] = [[], [], false];
    await writeFile(mounted, 'before12\n');
    await writeFile(path.join(folder, 'vnc-password'), 'before12');
  });
  afterEach(() => rm(folder, { recursive: true }));

  const execute: QmpClient['execute'] = async (command, schema, options) => {
    if (isDeaf) return failed('QMPTimeout', 'no answer');
    asked.push({ command, arguments: options?.arguments });
    return success(schema.parse({}));
  };

  /** Follows the mounted password; `steps` happen one after the other, a look at it after each. */
  async function follow(...steps: (() => Promise<void> | void)[]): Promise<void> {
    const over = new AbortController();
    const left = [...steps];
    const sleep = async (): Promise<void> => {
      const step = left.shift();
      if (step === undefined) over.abort();
      else await step();
    };
    const machine = {
      paths: { vncPassword: mounted } as Parameters<typeof followVncPassword>[0]['paths'],
      endpoints: podEndpoints('/disk', folder),
      clock: { now: () => 0, elapsed: () => 0, sleep },
      log: pino({ base: null, timestamp: false }, { write: (line: string) => logged.push(line) }),
    };
    await followVncPassword(machine, { execute }, over.signal);
  }

  const mount = (password: string) => () => writeFile(mounted, password);
  const nothing = (): void => {};
  const given = (password: string) => ({ command: 'set_password', arguments: { protocol: 'vnc', password } });

  it('is left alone while the mounted one is what QEMU has', async () => {
    await follow(nothing, nothing);
    expect([asked, logged]).toEqual([[], []]);
  });

  it('is changed once for each change of the mounted one', async () => {
    await follow(mount('after345\n'), nothing, mount('third678'), nothing);
    expect(asked).toEqual([given('after345'), given('third678')]);
    expect(await readFile(path.join(folder, 'vnc-password'), 'utf8')).toBe('third678');
  });

  it('stays when the mounted one is none that VNC can have, which is told once for each', async () => {
    await follow(mount(''), nothing, mount('much too long'), nothing, () => rm(mounted), mount('before12'));
    expect(asked).toEqual([]);
    expect(logged).toHaveLength(3);
  });

  it('is tried again when QEMU did not take it', async () => {
    isDeaf = true;
    await follow(mount('after345'), nothing, () => {
      isDeaf = false;
    });
    expect(asked).toEqual([given('after345')]);
    expect(logged.filter((line) => line.includes('no answer'))).toHaveLength(1);
  });

  it('is in no line of the log', async () => {
    await follow(mount('after345'), mount('way too long'), mount('third678'));
    expect(logged.length).toBeGreaterThan(1);
    for (const secret of ['before12', 'after345', 'way too long', 'third678'])
      expect(logged.join()).not.toContain(secret);
  });
});
