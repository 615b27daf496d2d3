import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, test, vi } from 'vitest';
import { KubeClient } from '../../kube/client.ts';
import { startScriptedServer } from '../../kube/scripted-server.ts';
import type { ResolveAttempt } from './observed.ts';
import { SnapshotResolver } from './snapshot-resolver.ts';

const cleanUps: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

const digestOf = (tag: string) => `sha256:${tag.repeat(64)}`;

/** A resolver whose registry answers for each tag, a single hexadecimal digit, when the test says so. */
async function setUp() {
  const folder = await mkdtemp(join(tmpdir(), 'loco-resolver-'));
  cleanUps.push(() => rm(folder, { recursive: true }));
  const server = await startScriptedServer(() => undefined);
  cleanUps.push(server.close);
  const oras = join(folder, 'oras');
  const script = `#!/bin/sh
tag=\${2##*:}
while ! [ -e ${folder}/$tag ]; do sleep 0.02; done
echo sha256:$(printf "%064d" 0 | tr 0 $tag)
`;
  await writeFile(oras, script, { mode: 0o755 });
  const ended: ResolveAttempt[] = [];
  const resolver = new SnapshotResolver({
    client: new KubeClient(server.connection),
    oras,
    now: () => new Date(),
    monotonic: () => performance.now(),
    onEnd: (_key, attempt) => ended.push(attempt),
  });
  cleanUps.push(() => resolver.stop());
  return {
    resolver,
    ended,
    ask: (key: string, tag: string) =>
      resolver.start(key, 'school', {
        reference: `registry.test/win98:${tag}`,
        plainHTTP: false,
        pullSecret: undefined,
        ca: undefined,
      }),
    answer: (tag: string) => writeFile(join(folder, tag), ''),
  };
}

test('what was asked for an Emulator that was made anew meanwhile is nobody’s answer', async () => {
  const { resolver, ended, ask, answer } = await setUp();
  ask('school/a', 'b');
  resolver.forget('school/a');
  ask('school/a', 'c');
  ask('school/other', 'b');
  await answer('b');
  await vi.waitFor(() => expect(ended).toHaveLength(1), 10_000);
  expect(resolver.attempt('school/other')).toMatchObject({ running: false, digest: digestOf('b') });
  expect(resolver.attempt('school/a')?.running).toBe(true);
  await answer('c');
  await vi.waitFor(() => expect(resolver.attempt('school/a')?.digest).toBe(digestOf('c')), 10_000);
  expect(ended.map(({ digest }) => digest)).toEqual([digestOf('b'), digestOf('c')]);
});

test('what was under way when it stopped is told to nobody, and what is asked for afterwards is answered', async () => {
  const { resolver, ended, ask, answer } = await setUp();
  ask('school/a', 'b');
  await resolver.stop();
  expect(resolver.attempt('school/a')).toBeUndefined();
  await answer('c');
  ask('school/a', 'c');
  await vi.waitFor(() => expect(resolver.attempt('school/a')?.digest).toBe(digestOf('c')), 10_000);
  expect(ended.map(({ digest }) => digest)).toEqual([digestOf('c')]);
});

test('an attempt that runs is not begun again', async () => {
  const { resolver, ended, ask, answer } = await setUp();
  ask('school/a', 'b');
  ask('school/a', 'c');
  await Promise.all([answer('b'), answer('c')]);
  await vi.waitFor(() => expect(ended).toHaveLength(1), 10_000);
  expect(resolver.attempt('school/a')).toMatchObject({ running: false, digest: digestOf('b') });
});
