import { open, readFile, truncate } from 'node:fs/promises';
import path from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openDisk } from '../../src/agent/prepare/index.ts';
import type { SnapshotPlan } from '../../src/contract/disk-plan.ts';
import { blobFile } from '../../src/oci/layout.ts';
import { DiskWorkbench, makeDisk, sha256Of, until } from '../agent/disk-workbench.ts';
import { type Entry, imageOf, MANIFEST } from './fixtures.ts';
import { type Pushed, TestRegistry } from './registry.ts';

let registry: TestRegistry;
let disk: Buffer;
let sha256: string;
let counter = 0;

beforeAll(async () => {
  registry = await TestRegistry.start();
  await makeDisk(registry.file('win98.qcow2'), 1);
  disk = await readFile(registry.file('win98.qcow2'));
  sha256 = await sha256Of(registry.file('win98.qcow2'));
});

afterAll(() => registry[Symbol.asyncDispose]());

async function pushed(content: Pushed): Promise<Pick<SnapshotPlan, 'reference' | 'digest'>> {
  counter += 1;
  const name = `disks/s${counter}:v1`;
  return { reference: `${registry.tls}/${name}`, digest: await registry.push(name, content) };
}

/** Our own artifact of the disk, and what it is made of, to make others from it. */
async function published() {
  counter += 1;
  const name = `disks/s${counter}:v1`;
  const digest = await registry.publish(name, registry.file('win98.qcow2'));
  return { name, reference: `${registry.tls}/${name}`, digest, manifest: await registry.manifest(name) };
}

function pinned({ reference, digest }: Pick<SnapshotPlan, 'reference' | 'digest'>) {
  return { reference, digest };
}

async function benchFor(snapshot: Partial<SnapshotPlan>): Promise<DiskWorkbench> {
  const bench = await DiskWorkbench.create();
  Object.assign(bench.paths, { registryConfig: registry.file('right.json'), registryCA: registry.file('ca.crt') });
  await bench.plan({ mode: 'Hybrid', snapshot: { reference: 'r/x:y', plainHTTP: false, ...snapshot } });
  return bench;
}

function programs() {
  return { programs: { oras: registry.oras, qemuImg: 'qemu-img' } };
}

/** Prepares and gives the published file's sha256. */
async function preparedSha256(bench: DiskWorkbench): Promise<string> {
  const opened = await bench.open(programs());
  await opened.close();
  expect(opened.record.origin).toBe('Snapshot');
  return sha256Of(bench.paths.disk);
}

async function failureOf(bench: DiskWorkbench): Promise<{ reason: string | undefined; message: string }> {
  const opening = openDisk(bench.options(programs()));
  await until(() => bench.report.current.phase === 'DiskFailed');
  bench.stop.abort();
  await opening;
  const attempt = bench.report.current.attempts.at(-1);
  return { reason: attempt?.reason, message: bench.report.current.message };
}

describe('a disk comes from', () => {
  test('a file that oras pushed', async () => {
    const digest = await registry.pushFile('disks/titled:v1', registry.file('win98.qcow2'));
    await using bench = await benchFor({ reference: `${registry.tls}/disks/titled:v1`, digest });
    expect(await preparedSha256(bench)).toBe(sha256);
    expect(bench.report.current).toMatchObject({ phase: 'DiskReady', disk: { origin: 'Snapshot', digest } });
    expect(bench.report.current.message).toContain('passed over: Builtin (BuiltinDiskMissing)');
  });

  test('the same over plain HTTP', async () => {
    const digest = await registry.pushFile('disks/plain:v1', registry.file('win98.qcow2'));
    await using bench = await benchFor({ reference: `${registry.plain}/disks/plain:v1`, digest, plainHTTP: true });
    expect(await preparedSha256(bench)).toBe(sha256);
  });

  test('our own chunked artifact, with the same content for the guest', async () => {
    await using bench = await benchFor(pinned(await published()));
    await preparedSha256(bench);
    await execa('qemu-img', ['compare', '-f', 'qcow2', '-F', 'qcow2', bench.paths.disk, registry.file('win98.qcow2')]);
  });

  test.each([
    ['gzip', 'snapshot.qcow2'],
    ['zstd', './images/win98-snapshot.qcow2'],
    ['none', '/disk/anything.qcow2'],
    ['docker', 'opt/builtin-images/win98.qcow2.builtin'],
  ] as const)('an image with %s layers at %s', async (compression, name) => {
    const content = await imageOf([[{ name: 'etc/hostname', content: 'x' }], [{ name, content: disk }]], compression);
    await using bench = await benchFor(await pushed(content));
    expect(await preparedSha256(bench)).toBe(sha256);
  });

  test('an index of several platforms', async () => {
    const { digest = '' } = await pushed(await imageOf([[{ name: 'snapshot.qcow2', content: disk }]]));
    const size = (
      await execa(
        registry.oras,
        [
          'manifest',
          'fetch',
          '--registry-config',
          registry.file('right.json'),
          '--ca-file',
          registry.file('ca.crt'),
          `${registry.tls}/disks/s${counter}@${digest}`,
        ],
        { stripFinalNewline: false },
      )
    ).stdout.length;
    const platform = { os: 'linux', architecture: 'amd64' };
    const name = `disks/s${counter}:multi`;
    const index = await registry.pushManifest(name, {
      schemaVersion: 2,
      mediaType: 'application/vnd.oci.image.index.v1+json',
      manifests: [{ mediaType: MANIFEST, digest, size, platform }],
    });
    await using bench = await benchFor({ reference: `${registry.tls}/${name}`, digest: index });
    expect(await preparedSha256(bench)).toBe(sha256);
    expect(bench.report.current.disk?.digest).toBe(index);
  });
});

describe('layers are applied one on the other', () => {
  const first: readonly Entry[] = [
    { name: 'disk/', folder: true },
    { name: 'disk/old.qcow2', content: 'old' },
    { name: 'keep/the.qcow2', content: 'kept' },
  ];

  const cases: { name: string; layers: (good: Buffer) => readonly (readonly Entry[])[] }[] = [
    {
      name: 'a whiteout hides a file',
      layers: (good) => [
        first,
        [
          { name: 'disk/.wh.old.qcow2', content: '' },
          { name: 'disk/new.qcow2', content: good },
        ],
      ],
    },
    {
      name: 'an opaque folder hides what was in it, not what its own layer adds',
      layers: (good) => [
        first,
        [
          { name: 'disk/new.qcow2', content: good },
          { name: 'disk/.wh..wh..opq', content: '' },
        ],
      ],
    },
    {
      name: 'a whiteout of a folder hides all below it',
      layers: (good) => [
        first,
        [
          { name: '.wh.disk', content: '' },
          { name: 'snapshot.qcow2', content: good },
        ],
      ],
    },
    { name: 'a later layer replaces a file', layers: (good) => [first, [{ name: 'disk/old.qcow2', content: good }]] },
    {
      name: 'a hard link names a file of its own layer',
      layers: (good) => [
        [
          { name: 'a/b', content: good },
          { name: 'snapshot.qcow2', link: 'a/b' },
        ],
      ],
    },
    {
      name: 'a hard link names a file of a lower layer',
      layers: (good) => [[{ name: 'a/b', content: good }], [{ name: 'snapshot.qcow2', link: '/a/b' }]],
    },
  ];

  test.each(cases)('$name', async ({ layers }) => {
    await using bench = await benchFor(await pushed(await imageOf(layers(disk))));
    expect(await preparedSha256(bench)).toBe(sha256);
  });
});

describe('a snapshot that is no use says why', () => {
  test('several disks, until one is named', async () => {
    const content = await imageOf([
      [
        { name: 'disk/a.qcow2', content: 'x' },
        { name: 'disk/b.qcow2', content: disk },
      ],
    ]);
    const snapshot = await pushed(content);
    await using bench = await benchFor(snapshot);
    const { reason, message } = await failureOf(bench);
    expect(reason).toBe('SeveralDisksInSnapshot');
    expect(message).toContain('/disk/a.qcow2, /disk/b.qcow2');
    await using named = await benchFor({ ...snapshot, path: '/disk/b.qcow2' });
    expect(await preparedSha256(named)).toBe(sha256);
  });

  test('no disk: what is in there', async () => {
    await using bench = await benchFor(await pushed(await imageOf([[{ name: 'etc/os-release', content: 'x' }]])));
    expect(await failureOf(bench)).toMatchObject({
      reason: 'NoDiskInSnapshot',
      message: expect.stringContaining('/etc/os-release'),
    });
  });

  test.each([
    ['an entry that leads out of the image', [{ name: '../../snapshot.qcow2', content: 'x' }]],
    ['a sparse entry', [{ name: 'snapshot.qcow2', content: 'x', pax: { 'GNU.sparse.major': '1' } }]],
  ] as const)('%s', async (_name, entries) => {
    await using bench = await benchFor(await pushed(await imageOf([entries])));
    expect((await failureOf(bench)).reason).toBe('SnapshotInvalid');
  });

  test('a layer that is no archive', async () => {
    const content = await imageOf([[{ name: 'a', content: 'x' }]]);
    const layers = [{ mediaType: 'application/vnd.oci.image.layer.v1.tar', bytes: Buffer.alloc(2000, 1) }];
    await using bench = await benchFor(await pushed({ ...content, layers }));
    expect((await failureOf(bench)).reason).toBe('SnapshotInvalid');
  });

  test('a file that is no qcow2 disk', async () => {
    await using bench = await benchFor(await pushed(await imageOf([[{ name: 'snapshot.qcow2', content: 'MZ' }]])));
    expect((await failureOf(bench)).reason).toBe('DiskNotQcow2');
  });

  test('a chunk that unpacks to more than its size', async () => {
    const { zstdCompressSync } = await import('node:zlib');
    const { name, reference, manifest } = await published();
    const [chunk, ...others] = manifest.layers;
    if (chunk === undefined) throw new Error('no chunk');
    const bomb = await registry.pushBlob(name, {
      mediaType: chunk.mediaType,
      annotations: chunk.annotations ?? {},
      bytes: zstdCompressSync(Buffer.alloc(64 * 1024 ** 2)),
    });
    const digest = await registry.pushManifest(name, { ...manifest, layers: [bomb, ...others] });
    await using bench = await benchFor({ reference, digest });
    expect(await failureOf(bench)).toMatchObject({
      reason: 'SnapshotInvalid',
      message: expect.stringContaining('Chunk 0'),
    });
  });

  test('content that is another than the annotation tells of', async () => {
    const { name, reference, manifest } = await published();
    const digest = await registry.pushManifest(name, { ...manifest, layers: manifest.layers.slice(1) });
    await using bench = await benchFor({ reference, digest });
    expect((await failureOf(bench)).reason).toBe('SnapshotDigestMismatch');
  });
});

describe('what goes wrong on the way is put right', () => {
  test('a digest that the operator has not pinned yet', async () => {
    const digest = await registry.pushFile('disks/late:v1', registry.file('win98.qcow2'));
    const reference = `${registry.tls}/disks/late:v1`;
    await using bench = await benchFor({ reference, unresolved: 'The registry refuses the login.' });
    const opening = openDisk(bench.options(programs()));
    await until(() => bench.report.current.phase === 'AwaitingSnapshot');
    expect(bench.report.current.message).toContain('The registry refuses the login.');
    await bench.plan({ mode: 'Hybrid', snapshot: { reference, digest, plainHTTP: false } });
    await (await opening)?.close();
    expect(bench.report.current.phase).toBe('DiskReady');
  });

  test('a registry that is down', async () => {
    const digest = await registry.pushFile('disks/down:v1', registry.file('win98.qcow2'));
    await using bench = await benchFor({ reference: `${registry.tls}/disks/down:v1`, digest });
    await registry.down();
    const opening = openDisk(bench.options(programs()));
    await until(() => bench.report.current.phase === 'DiskFailed');
    expect(bench.report.current.reason).toBe('RegistryUnreachable');
    await registry.up();
    await (await opening)?.close();
    expect(bench.report.current.phase).toBe('DiskReady');
  });

  test('a blob that a power cut shortened keeps its name, and is fetched again', async () => {
    const snapshot = pinned(await published());
    await using bench = await benchFor(snapshot);
    await truncate(await fetchedLayer(bench, snapshot, 1), 1000);
    await preparedSha256(bench);
    await execa('qemu-img', ['compare', '-f', 'qcow2', '-F', 'qcow2', bench.paths.disk, registry.file('win98.qcow2')]);
  });

  test.each(['gzip', 'zstd', 'none'] as const)(
    'a layer (%s) whose blob has other content than its name says is fetched again',
    async (compression) => {
      const content = await imageOf([[{ name: 'snapshot.qcow2', content: disk }]], compression);
      const snapshot = await pushed(content);
      await using bench = await benchFor(snapshot);
      await using blob = await open(await fetchedLayer(bench, snapshot, 0), 'r+');
      await blob.write(Buffer.alloc(4096), 0, 4096, 0);
      expect(await preparedSha256(bench)).toBe(sha256);
    },
  );

  test('nothing is fetched again once the disk is there', async () => {
    const digest = await registry.pushFile('disks/once:v1', registry.file('win98.qcow2'));
    await using bench = await benchFor({ reference: `${registry.tls}/disks/once:v1`, digest });
    await preparedSha256(bench);
    await registry.down();
    await preparedSha256(bench);
    await registry.up();
  });

  test('an image that runs alone resolves the tag by itself', async () => {
    await registry.pushFile('disks/alone:v1', registry.file('win98.qcow2'));
    await using bench = await benchFor({ reference: `${registry.tls}/disks/alone:v1` });
    const opened = await bench.open({ ...programs(), variables: {} });
    await opened.close();
    expect(opened.record.source.digest).toMatch(/^sha256:/);
  });
});

/** Fetches a snapshot onto the volume, as an earlier attempt did, and gives the file of one of its layers. */
async function fetchedLayer(
  bench: DiskWorkbench,
  { reference, digest = '' }: Pick<SnapshotPlan, 'reference' | 'digest'>,
  index: number,
): Promise<string> {
  const layout = path.join(bench.volume.staging, `layout-${digest.replace(':', '-')}`);
  const access = ['--from-registry-config', registry.file('right.json'), '--from-ca-file', registry.file('ca.crt')];
  await execa(registry.oras, ['cp', '--no-tty', ...access, reference, '--to-oci-layout', `${layout}:disk`]);
  const manifest = JSON.parse(await readBlobText(reference, digest));
  return blobFile(layout, manifest.layers[index].digest);
}

async function readBlobText(reference: string, digest: string): Promise<string> {
  const name = `${reference.replace(/:v1$/, '')}@${digest}`;
  const flags = ['--registry-config', registry.file('right.json'), '--ca-file', registry.file('ca.crt')];
  return (await execa(registry.oras, ['manifest', 'fetch', ...flags, name])).stdout;
}
