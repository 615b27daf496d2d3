import { mkdir, mkdtemp, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../environment.ts';
import { podEndpoints } from './qemu-arguments.ts';
import { startQemu } from './qemu-process.ts';

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'loco-start-'));
});

afterEach(() => rm(folder, { recursive: true }));

async function start(program: string, words: readonly string[], stop = new AbortController().signal) {
  const lock = await open(path.join(folder, 'lock'), 'w');
  try {
    return await startQemu({
      program,
      arguments: words,
      endpoints: podEndpoints(path.join(folder, 'disk'), folder),
      lockDescriptor: lock.fd,
      stop,
      clock: systemClock,
      log: pino({ level: 'silent' }),
    });
  } finally {
    await lock.close();
  }
}

describe('the start of QEMU', () => {
  it('is ended when the machine is stopped meanwhile, and QEMU with it', async () => {
    const began = performance.now();
    const result = await start('sleep', ['60'], AbortSignal.timeout(100));
    expect(result).toMatchObject({ ok: false, failure: { message: expect.stringContaining('was stopped') } });
    expect(performance.now() - began).toBeLessThan(10_000);
  });

  it('is not begun when the machine is stopped already', async () => {
    expect(await start('/nowhere/qemu', [], AbortSignal.abort())).toMatchObject({
      ok: false,
      failure: { message: expect.stringContaining('was stopped') },
    });
  });

  it.each([
    ['a program that is not there', '/nowhere/qemu', []],
    ['a program that fails', 'false', []],
    ['an argument that no process can have', 'sleep', ['\0']],
  ])('fails with a reason for %s', async (_what, program, words) => {
    expect(await start(program, words)).toMatchObject({ ok: false, failure: { reason: 'QEMUStartFailed' } });
  });

  it('fails with a reason where the sockets can not be made', async () => {
    await mkdir(podEndpoints('', folder).qmpSocket);
    expect(await start('true', [])).toMatchObject({ ok: false, failure: { reason: 'QEMUStartFailed' } });
  });
});
