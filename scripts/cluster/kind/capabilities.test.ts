import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { hasSysResource, runtimeWithoutSysResource } from './capabilities.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'loco-runtime-'));
});
afterEach(async () => {
  await rm(folder, { recursive: true });
});

test.each([
  { what: 'a machine with every capability', set: '000001ffffffffff', expected: true },
  { what: 'a machine that lacks this one', set: '000001fffeffffff', expected: false },
])('$what is told by its bounding set', ({ set, expected }) => {
  expect(hasSysResource(`CapEff:\t0\nCapBnd:\t${set}\n`)).toBe(expected);
});

test('the runtime leaves the capability out of bundle and process, and hands everything else on', async () => {
  const runc = join(folder, 'runc');
  await writeFile(runc, '#!/bin/sh\necho "$@"\n', { mode: 0o755 });
  const runtime = join(folder, 'runtime');
  await writeFile(runtime, runtimeWithoutSysResource(runc), { mode: 0o755 });
  const capabilities = (file: string, all: string[]) =>
    writeFile(join(folder, file), JSON.stringify({ bounding: all }));
  await capabilities('config.json', ['CAP_SYS_RESOURCE', 'CAP_KILL']);
  await capabilities('process.json', ['CAP_KILL', 'CAP_SYS_RESOURCE']);
  const args = ['exec', '--bundle', folder, '--process', join(folder, 'process.json'), 'two words'];
  expect((await execa(runtime, args)).stdout).toBe(args.join(' '));
  for (const file of ['config.json', 'process.json']) {
    expect(JSON.parse(await readFile(join(folder, file), 'utf8'))).toEqual({ bounding: ['CAP_KILL'] });
  }
});
