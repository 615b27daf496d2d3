import { copyFile, link, mkdir, rm, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { makeDisk, sha256Of } from '../agent/disk-workbench.ts';
import { Buildah } from './buildah.ts';
import { TestRegistry } from './registry.ts';
import { SnapshotAttempts } from './snapshot-workbench.ts';

let registry: TestRegistry;
let buildah: Buildah;
let disk: string;
let old: string;
let sha256: string;

beforeAll(async () => {
  registry = await TestRegistry.start();
  buildah = await Buildah.create(registry);
  disk = registry.file('win98.qcow2');
  old = registry.file('old.qcow2');
  await makeDisk(disk, 51);
  await makeDisk(old, 52);
  sha256 = await sha256Of(disk);
  await single('single');
});

afterAll(() => registry[Symbol.asyncDispose]());

/** An image with the disk, and with a layer of its own: buildah packs no layer again that it knows the registry has. */
function single(image: string): Promise<void> {
  return buildah.commit('scratch', image, async (root) => {
    await writeFile(path.join(root, 'name'), image);
    await copyFile(disk, path.join(root, 'snapshot.qcow2'));
  });
}

async function stage(name: string, digest: string, wanted?: string) {
  const snapshot = {
    reference: `${registry.tls}/${name}`,
    digest,
    plainHTTP: false,
    ...(wanted === undefined ? {} : { path: wanted }),
  };
  await using attempts = await SnapshotAttempts.create(registry, snapshot, registry.file('right.json'));
  const result = await attempts.once();
  return result.kind === 'Staged' ? { sha256: await sha256Of(result.disk.path) } : result.failure;
}

describe('an image that buildah pushed', () => {
  test.each([
    ['gzip', 'layer.v1.tar+gzip', ['--compression-format', 'gzip', '--format', 'oci']],
    ['zstd', 'layer.v1.tar+zstd', ['--compression-format', 'zstd', '--format', 'oci']],
    [
      "gzip in Docker's format",
      'docker.image.rootfs.diff.tar.gzip',
      ['--compression-format', 'gzip', '--format', 'v2s2'],
    ],
  ] as const)('with %s has the disk', async (name, mediaType, flags) => {
    const image = name.replaceAll(/\W/g, '').toLowerCase();
    const repository = `buildah/${image}:v1`;
    await single(image);
    const digest = await buildah.push(image, repository, ...flags);
    expect((await registry.manifest(repository)).layers[0]?.mediaType).toContain(mediaType);
    expect(await stage(repository, digest)).toEqual({ sha256 });
  });

  test('with layers on one another has what a container would see: whiteouts, opaque folders, hard links', async () => {
    await buildah.commit('scratch', 'lower', async (root) => {
      await mkdir(path.join(root, 'disk'));
      await mkdir(path.join(root, 'keep'));
      await copyFile(old, path.join(root, 'snapshot.qcow2'));
      await copyFile(old, path.join(root, 'disk', 'old.qcow2'));
      await copyFile(disk, path.join(root, 'keep', 'the-disk'));
    });
    await buildah.commit('localhost/lower', 'upper', async (root) => {
      await rm(path.join(root, 'snapshot.qcow2'));
      await rm(path.join(root, 'disk'), { recursive: true });
      await mkdir(path.join(root, 'disk'));
      await link(path.join(root, 'keep', 'the-disk'), path.join(root, 'disk', 'new.qcow2'));
    });
    const digest = await buildah.push('upper', 'buildah/layers:v1', '--format', 'oci');
    expect(await stage('buildah/layers:v1', digest)).toEqual({ sha256 });
  });

  test('with the disk behind a symbolic link has it', async () => {
    await buildah.commit('scratch', 'linked', async (root) => {
      await mkdir(path.join(root, 'data'));
      await copyFile(disk, path.join(root, 'data', 'v7.qcow2'));
      await symlink('/data/v7.qcow2', path.join(root, 'snapshot.qcow2'));
    });
    const digest = await buildah.push('linked', 'buildah/linked:v1', '--format', 'oci');
    expect(await stage('buildah/linked:v1', digest)).toEqual({ sha256 });
  });

  test('for several platforms has the disk of linux/amd64', async () => {
    await buildah.commit('scratch', 'arm', (root) => copyFile(old, path.join(root, 'snapshot.qcow2')), [
      '--arch',
      'arm64',
    ]);
    const digest = await buildah.pushIndex(['localhost/arm', 'localhost/single'], 'buildah/index:v1');
    expect(await stage('buildah/index:v1', digest)).toEqual({ sha256 });
  });

  test('with several disks names them, and has the one that is asked for', async () => {
    await buildah.commit('scratch', 'several', async (root) => {
      await mkdir(path.join(root, 'disk'));
      await copyFile(old, path.join(root, 'disk', 'a.qcow2'));
      await copyFile(disk, path.join(root, 'disk', 'b.qcow2'));
    });
    const digest = await buildah.push('several', 'buildah/several:v1', '--format', 'oci');
    expect(await stage('buildah/several:v1', digest)).toMatchObject({
      reason: 'SeveralDisksInSnapshot',
      message: expect.stringContaining('/disk/a.qcow2, /disk/b.qcow2'),
    });
    expect(await stage('buildah/several:v1', digest, 'disk/b.qcow2')).toEqual({ sha256 });
  });
});

describe('an artifact that oras pushed', () => {
  async function pushFiles(name: string, files: readonly string[]): Promise<string> {
    const access = ['--registry-config', registry.file('right.json'), '--ca-file', registry.file('ca.crt')];
    await execa(registry.oras, ['push', ...access, `${registry.tls}/${name}`, ...files], { cwd: registry.folder });
    return registry.digest(name);
  }

  test('with several disks names them, and has the one that is asked for', async () => {
    const digest = await pushFiles('oras/several:v1', ['win98.qcow2', 'old.qcow2']);
    expect(await stage('oras/several:v1', digest)).toMatchObject({
      reason: 'SeveralDisksInSnapshot',
      message: expect.stringContaining('/win98.qcow2, /old.qcow2'),
    });
    expect(await stage('oras/several:v1', digest, 'win98.qcow2')).toEqual({ sha256 });
  });

  test('with a disk and other files has the disk', async () => {
    await writeFile(registry.file('README.md'), 'hello');
    expect(await stage('oras/readme:v1', await pushFiles('oras/readme:v1', ['README.md', 'win98.qcow2']))).toEqual({
      sha256,
    });
  });

  test('with other files alone says what it has', async () => {
    const digest = await pushFiles('oras/none:v1', ['README.md', 'ca.crt']);
    expect(await stage('oras/none:v1', digest)).toMatchObject({
      reason: 'NoDiskInSnapshot',
      message: expect.stringContaining('It holds: /README.md, /ca.crt.'),
    });
  });

  test('with a compressed disk alone says to unpack it, before it is fetched', async () => {
    await execa('gzip', ['--keep', '--force', disk]);
    const digest = await pushFiles('oras/gz:v1', ['win98.qcow2.gz']);
    expect(await stage('oras/gz:v1', digest)).toMatchObject({
      reason: 'SnapshotInvalid',
      message: expect.stringContaining('gunzip'),
    });
  });
});
