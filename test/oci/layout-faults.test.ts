import { cp, open, readdir, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { blobFile } from '../../src/oci/layout.ts';
import type { Descriptor } from '../../src/oci/manifest.ts';
import { sha256Of } from '../agent/disk-workbench.ts';
import { FaultyRegistry } from './faulty-registry.ts';
import { imageOf } from './fixtures.ts';
import { TestRegistry } from './registry.ts';
import { makeChunkyDisk, SnapshotAttempts } from './snapshot-workbench.ts';

type Shape = 'chunks' | 'one file' | 'an image';

/** A snapshot in the registry, an OCI layout that holds all of it, and what must come out. */
interface Fixture {
  readonly upstream: string;
  readonly digest: string;
  readonly layout: string;
  readonly parts: Readonly<Record<Part, Descriptor>>;
  readonly sha256: string;
}

type Part = 'a part' | 'the config' | 'the manifest';

let registry: TestRegistry;
let proxy: FaultyRegistry;
let login: string;
let fixtures: Readonly<Record<Shape, Fixture>>;
let counter = 0;

beforeAll(async () => {
  registry = await TestRegistry.start();
  proxy = await FaultyRegistry.start(registry);
  login = await registry.loginFor(proxy.host);
  const disk = registry.file('win98.qcow2');
  await makeChunkyDisk(disk, 3);
  await registry.publish('layouts/chunks:v1', disk);
  await registry.pushFile('layouts/file:v1', disk);
  const content = await readFile(disk);
  await registry.push(
    'layouts/image:v1',
    await imageOf([[{ name: 'etc/x', content: 'x' }], [{ name: 'snapshot.qcow2', content }]]),
  );
  fixtures = {
    chunks: await fixtureOf('layouts/chunks'),
    'one file': await fixtureOf('layouts/file'),
    'an image': await fixtureOf('layouts/image'),
  };
});

afterAll(async () => {
  await proxy[Symbol.asyncDispose]();
  await registry[Symbol.asyncDispose]();
});

async function fixtureOf(upstream: string): Promise<Fixture> {
  const digest = await registry.digest(`${upstream}:v1`);
  const layout = registry.file(upstream.replace('/', '-'));
  const access = ['--from-registry-config', registry.file('right.json'), '--from-ca-file', registry.file('ca.crt')];
  const from = `${registry.tls}/${upstream}:v1`;
  await execa(registry.oras, ['cp', '--no-tty', ...access, from, '--to-oci-layout', `${layout}:disk`]);
  const { config, layers } = await registry.manifest(`${upstream}:v1`);
  const part = layers.at(-1);
  if (part === undefined) throw new Error('no layer');
  const { size } = await stat(blobFile(layout, digest));
  const parts = { 'a part': part, 'the config': config, 'the manifest': { mediaType: '', digest, size } };
  const fixture = { upstream, digest, layout, parts, sha256: '' };
  const { sha256 } = await outcomeOf(fixture, async () => undefined);
  return { ...fixture, sha256 };
}

/** Lays the layout onto a volume, damages it, and tries until the disk is there. */
async function outcomeOf({ upstream, digest, layout }: Fixture, damage: (layout: string) => Promise<void>) {
  counter += 1;
  const repository = `kept/r${counter}`;
  proxy.spoil(repository, upstream, []);
  const snapshot = { reference: `${proxy.host}/${repository}:v1`, digest, plainHTTP: true };
  await using attempts = await SnapshotAttempts.create(registry, snapshot, login);
  await cp(layout, attempts.layout, { recursive: true });
  await damage(attempts.layout);
  const { path: disk, reasons } = await attempts.untilStaged(3);
  return { sha256: await sha256Of(disk), reasons, again: proxy.blobBytes(repository), logged: attempts.logged };
}

async function emptyNotes(layout: string): Promise<void> {
  for (const name of ['index.json', 'oci-layout']) await truncate(path.join(layout, name), 0);
}

const DAMAGES: readonly (readonly [name: string, damage: (blob: string) => Promise<void>, visible: boolean])[] = [
  ['truncated', async (blob) => truncate(blob, Math.floor((await stat(blob)).size / 2)), true],
  ['empty', (blob) => truncate(blob, 0), true],
  ['zeroed', async (blob) => overwrite(blob, 0, (await stat(blob)).size), true],
  ['with another bit in its middle', async (blob) => flip(blob), true],
  ['longer than it should be', async (blob) => overwrite(blob, (await stat(blob)).size, 4096), true],
  ['missing', (blob) => rm(blob), false],
];

async function overwrite(blob: string, from: number, bytes: number): Promise<void> {
  await execa('chmod', ['u+w', blob]);
  await using file = await open(blob, 'r+');
  await file.write(Buffer.alloc(bytes), 0, bytes, from);
}

async function flip(blob: string): Promise<void> {
  const bytes = await readFile(blob);
  const middle = Math.floor(bytes.length / 2);
  bytes[middle] = (bytes[middle] ?? 0) ^ 1;
  await execa('chmod', ['u+w', blob]);
  await writeFile(blob, bytes);
}

describe.each(['chunks', 'one file', 'an image'] as const)('of a snapshot of %s', (shape) => {
  describe.each([
    ['with its index', async () => undefined],
    ['without its index', (layout: string) => rm(path.join(layout, 'index.json'), { force: true })],
    // oras syncs neither; a power cut leaves the names.
    ['with an empty index and an empty oci-layout', emptyNotes],
  ] as const)('a layout on the volume %s', (_index, spoilIndex) => {
    test.each(DAMAGES)('and a part that is %s: that part alone is fetched again', async (_name, damage, visible) => {
      const fixture = fixtures[shape];
      const part = fixture.parts['a part'];
      const outcome = await outcomeOf(fixture, async (layout) => {
        await damage(blobFile(layout, part.digest));
        await spoilIndex(layout);
      });
      expect(outcome.reasons).toEqual(visible ? ['SnapshotDigestMismatch'] : []);
      expect(outcome.sha256).toBe(fixture.sha256);
      expect(outcome.again).toBe(part.size);
      expect(outcome.logged.at(-1)).toMatchObject({ msg: 'The snapshot was fetched', lost: 0 });
    });

    test('and nothing damaged: nothing is fetched again', async () => {
      const outcome = await outcomeOf(fixtures[shape], spoilIndex);
      expect(outcome).toMatchObject({ reasons: [], again: 0, sha256: fixtures[shape].sha256 });
    });
  });

  test.each(['the config', 'the manifest'] as const)(
    '%s may be damaged: no part is fetched again for that',
    async (name) => {
      const fixture = fixtures[shape];
      const { digest } = fixture.parts[name];
      const outcome = await outcomeOf(fixture, (layout) => truncate(blobFile(layout, digest), 1));
      expect(outcome).toMatchObject({ reasons: [], again: 0, sha256: fixture.sha256 });
    },
  );

  test('what oras left unfinished is removed and counted for nothing', async () => {
    const outcome = await outcomeOf(fixtures[shape], async (layout) => {
      await execa('mkdir', ['-p', path.join(layout, 'ingest')]);
      await writeFile(path.join(layout, 'ingest', 'sha256_half'), Buffer.alloc(1_000_000));
    });
    expect(outcome).toMatchObject({ reasons: [], again: 0, sha256: fixtures[shape].sha256 });
  });
});

test('a disk that was moved out of its layout when a crash came is not fetched again', async () => {
  const fixture = fixtures['one file'];
  counter += 1;
  proxy.spoil(`kept/r${counter}`, fixture.upstream, []);
  const snapshot = { reference: `${proxy.host}/kept/r${counter}:v1`, digest: fixture.digest, plainHTTP: true };
  await using attempts = await SnapshotAttempts.create(registry, snapshot, login);
  await attempts.untilStaged(1);
  const fetched = proxy.blobBytes(`kept/r${counter}`);
  const { path: disk } = await attempts.untilStaged(1);
  expect(proxy.blobBytes(`kept/r${counter}`)).toBe(fetched);
  expect(await sha256Of(disk)).toBe(fixture.sha256);
  expect(await readdir(path.join(attempts.layout, 'blobs', 'sha256'))).not.toContain(fixture.sha256);
});
