import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFile, open, readFile, stat, utimes, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { recordText } from '../../src/agent/disk/record.ts';
import { volumeOf } from '../../src/agent/disk/volume.ts';
import { publishDisk } from '../../src/agent/publish/index.ts';
import type { DiskRecord } from '../../src/contract/disk-record.ts';
import { DISK_ARTIFACT } from '../../src/oci/disk-artifact.ts';
import { DiskWorkbench, makeDisk, noise, until } from '../agent/disk-workbench.ts';
import { TestRegistry } from './registry.ts';

let registry: TestRegistry;
let counter = 0;

beforeAll(async () => {
  registry = await TestRegistry.start();
});

afterAll(() => registry[Symbol.asyncDispose]());

function newName(): string {
  counter += 1;
  return `published/p${counter}:v1`;
}

function publish(disk: string, name = newName(), change: Partial<Parameters<typeof publishDisk>[0]> = {}) {
  return publishDisk({
    disk,
    reference: `${registry.tls}/${name}`,
    access: registry.access(),
    qemuImg: 'qemu-img',
    say: () => undefined,
    onProgress: () => undefined,
    ...change,
  });
}

async function published(disk: string, name = newName()) {
  const result = await publish(disk, name);
  if (!result.ok) throw new Error(`${result.failure.reason}: ${result.failure.message}`);
  return { name, ...result.value };
}

/** What a machine makes of a snapshot. */
async function expectSameGuest(disk: string, name: string, digest: string): Promise<void> {
  await using bench = await DiskWorkbench.create();
  Object.assign(bench.paths, { registryConfig: registry.file('right.json'), registryCA: registry.file('ca.crt') });
  await bench.plan({ mode: 'Hybrid', snapshot: { reference: `${registry.tls}/${name}`, digest, plainHTTP: false } });
  const opened = await bench.open({ programs: { oras: registry.oras, qemuImg: 'qemu-img' } });
  await opened.close();
  const { stdout } = await execa('qemu-img', ['compare', '-f', 'qcow2', '-F', 'qcow2', bench.paths.disk, disk]);
  // Of disks of unequal size it warns before that.
  expect(stdout).toBe('Images are identical.');
}

/** A disk whose content lies across the borders of clusters, subclusters and chunks, and doesn't end at one. */
async function makeRaw(raw: string): Promise<void> {
  await using file = await open(raw, 'w');
  const text = await readFile(process.execPath).then((bytes) => bytes.subarray(0, 3_000_000));
  await file.write(noise(3, 700_001), 0, 700_001, 16 * 1024 ** 2 - 350_000);
  await file.write(text, 0, text.length, 40 * 1024 ** 2 + 512);
  await file.write(Buffer.from('end'), 0, 3, 70 * 1024 ** 2 + 512 * 3 - 3);
}

describe('a disk that is published and prepared again is the same for its guest', () => {
  let raw: string;
  beforeAll(async () => {
    raw = registry.file('content.raw');
    await makeRaw(raw);
  });

  test.each([
    ['as qemu-img makes it', []],
    ['with the smallest clusters', ['-o', 'cluster_size=512']],
    ['with the largest clusters', ['-o', 'cluster_size=2M']],
    ['of the old version', ['-o', 'compat=0.10']],
    ['compressed with deflate', ['-c']],
    ['compressed with zstd', ['-c', '-o', 'compression_type=zstd']],
    ['compressed in large clusters', ['-c', '-o', 'compression_type=zstd,cluster_size=2M']],
    ['with subclusters', ['-o', 'extended_l2=on,cluster_size=64k']],
    ['with preallocated clusters', ['-S', '0']],
  ] as const)('%s', async (form, options) => {
    const disk = registry.file(`${form.replaceAll(' ', '-')}.qcow2`);
    await execa('qemu-img', ['convert', '-f', 'raw', '-O', 'qcow2', ...options, raw, disk]);
    const { name, digest } = await published(disk);
    await expectSameGuest(disk, name, digest);
  });

  test('with zeros over data, discarded parts and an internal snapshot', async () => {
    const disk = registry.file('lived.qcow2');
    await execa('qemu-img', ['convert', '-f', 'raw', '-O', 'qcow2', raw, disk]);
    await execa('qemu-img', ['snapshot', '-c', 'before', disk]);
    const commands = [
      'write -P 7 1M 3M',
      'write -z 2M 1M',
      'discard 40M 2M',
      'write -P 9 41M 4k',
      'write -z -u 16M 64k',
    ];
    await execa('qemu-io', ['-f', 'qcow2', ...commands.flatMap((command) => ['-c', command]), disk]);
    const { name, digest } = await published(disk);
    await expectSameGuest(disk, name, digest);
  });

  test('with nothing on it', async () => {
    const disk = registry.file('empty.qcow2');
    await execa('qemu-img', ['create', '-f', 'qcow2', disk, '100M']);
    const { name, digest, layers } = await published(disk);
    expect(layers).toBe(0);
    await expectSameGuest(disk, name, digest);
  });
});

describe('what is published', () => {
  test('is the same digest for the same file, and nothing is sent again', async () => {
    const disk = registry.file('same.qcow2');
    await makeDisk(disk, 21);
    const first = await published(disk);
    const again = await published(disk, first.name);
    expect(again).toMatchObject({ digest: first.digest, sentBytes: 0, presentBytes: first.sentBytes });
    expect(first.presentBytes).toBe(0);
  });

  test('of a disk that has changed a little is sent as far as it changed, also under another tag', async () => {
    const disk = registry.file('little.qcow2');
    await makeDisk(disk, 22);
    const first = await published(disk);
    await execa('qemu-io', ['-f', 'qcow2', '-c', 'write -P 1 20M 4k', disk]);
    const second = await published(disk, first.name.replace('v1', 'v2'));
    expect(second.digest).not.toBe(first.digest);
    expect(second.sentBytes).toBeLessThan(first.sentBytes * 0.6);
    expect(second.presentBytes).toBeGreaterThan(first.sentBytes * 0.4);
    await expectSameGuest(disk, second.name, second.digest);
  });

  test('tells its sizes, its content, when it was, where it came from and how the guest left it', async () => {
    await using bench = await DiskWorkbench.create();
    await makeDisk(bench.paths.disk, 23);
    await utimes(bench.paths.disk, 1_700_000_000, 1_700_000_000);
    await writeRecord(bench, 'SafeToPowerOff');
    const { name } = await published(bench.paths.disk);
    const { annotations, artifactType, layers } = await registry.manifest(name);
    const raw = registry.file('told.raw');
    await execa('qemu-img', ['convert', '-O', 'raw', bench.paths.disk, raw]);
    const { stdout } = await execa('sha256sum', [raw]);
    const names = DISK_ARTIFACT.annotations;
    expect(artifactType).toBe('application/vnd.loco.disk.v1');
    expect(annotations).toEqual({
      [names.virtualSize]: `${64 * 1024 ** 2}`,
      [names.contentSha256]: stdout.slice(0, 64),
      [names.totalSize]: `${layers.reduce((sum, { size }) => sum + size, 0)}`,
      [names.source]: `sha256:${'d'.repeat(64)}`,
      [names.consistency]: 'Clean',
      [names.created]: '2023-11-14T22:13:20Z',
    });
  });

  test.each([
    ['ended Unclean', 'Unclean', { kind: 'Unclean' }],
    ['ended Clean', 'Clean', { kind: 'Clean' }],
    ['ended Unclean, and was checked since,', 'Unclean', { kind: 'Unclean', state: 'Prepared' }],
    ['runs', 'Unclean', { kind: 'Clean', state: 'Running' }],
    ['ended Clean, and was written to since,', 'Unknown', { kind: 'Clean', modifiedTime: '1' }],
    ['ended Clean on another file with its number', 'Unknown', { kind: 'Clean', birthTime: '1' }],
  ] as const)('of a guest that %s is called %s', async (_how, consistency, { kind, ...change }) => {
    await using bench = await DiskWorkbench.create();
    await makeDisk(bench.paths.disk, 24);
    await writeRecord(bench, kind, change);
    const { name } = await published(bench.paths.disk);
    expect((await registry.manifest(name)).annotations?.[DISK_ARTIFACT.annotations.consistency]).toBe(consistency);
  });
});

async function writeRecord(
  bench: DiskWorkbench,
  kind: 'Clean' | 'SafeToPowerOff' | 'Unclean',
  change: Partial<DiskRecord> = {},
): Promise<void> {
  const { ino, size } = await stat(bench.paths.disk);
  const at = '2026-01-01T00:00:00.000Z';
  const { folder, record } = volumeOf(bench.paths.disk);
  await execa('mkdir', ['-p', folder]);
  const text = recordText({
    schemaVersion: 1,
    id: crypto.randomUUID(),
    inode: ino,
    sizeBytes: size,
    sha256: 'a'.repeat(64),
    virtualSizeBytes: 64 * 1024 ** 2,
    origin: 'Snapshot',
    source: { description: 'snapshot', digest: `sha256:${'d'.repeat(64)}` },
    preparedAt: at,
    state: 'Stopped',
    lastStop: { kind, at, message: '' },
    ...change,
  });
  await writeFile(record, text);
}

describe('what cannot be published says why, and the tag is left alone', () => {
  async function refused(disk: string, change: Partial<Parameters<typeof publishDisk>[0]> = {}) {
    const name = newName();
    const result = await publish(disk, name, change);
    if (result.ok) throw new Error('published');
    await expect(registry.digest(name)).rejects.toThrow('not found');
    expect(result.failure.message).not.toContain('disk.snapshot');
    return result.failure;
  }

  test('a file that is no qcow2 image', async () => {
    await writeFile(registry.file('text'), 'hello');
    expect(await refused(registry.file('text'))).toMatchObject({
      reason: 'DiskNotQcow2',
      message: expect.stringContaining('qemu-img convert'),
    });
  });

  test('a file that is not there', async () => {
    expect((await refused('/nonexistent.qcow2')).reason).toBe('DiskUnreadable');
  });

  test('an overlay', async () => {
    await makeDisk(registry.file('base.qcow2'), 25);
    await execa('qemu-img', ['create', '-f', 'qcow2', '-F', 'qcow2', '-b', 'base.qcow2', registry.file('top.qcow2')]);
    expect((await refused(registry.file('top.qcow2'))).reason).toBe('DiskHasBackingFile');
  });

  test('a disk that a running machine has open', async () => {
    const disk = registry.file('open.qcow2');
    await makeDisk(disk, 26);
    const qemu = spawn('qemu-io', ['-f', 'qcow2', disk], { stdio: ['pipe', 'pipe', 'ignore'] });
    try {
      await until(async () => (await execa('qemu-img', ['check', disk], { reject: false })).exitCode !== 0);
      expect(await refused(disk)).toMatchObject({
        reason: 'DiskInUse',
        message: expect.stringContaining('Shut it down first'),
      });
    } finally {
      qemu.stdin.end('quit\n');
      await once(qemu, 'exit');
    }
  });

  test('a disk that is written to meanwhile', async () => {
    const disk = registry.file('busy.qcow2');
    await makeDisk(disk, 27);
    let touched = false;
    const failure = await refused(disk, {
      onProgress: () => {
        if (touched) return;
        touched = true;
        void utimes(disk, 1, 1);
      },
    });
    expect(failure.reason).toBe('DiskChanged');
  });

  test.each([
    ['a wrong password', 'RegistryAuthFailed', 'oras login', { registryConfig: 'wrong.json' }],
    ['no login', 'RegistryAuthFailed', 'Log in first', { registryConfig: 'empty.json' }],
    ['an unknown CA', 'RegistryCertificateNotTrusted', '--ca-file', { caFile: 'nowhere.crt' }],
  ])('%s', async (_name, reason, says, files) => {
    const disk = registry.file('fine.qcow2');
    await makeDisk(disk, 28);
    const change = Object.fromEntries(Object.entries(files).map(([key, file]) => [key, registry.file(file)]));
    const failure = await refused(disk, { access: registry.access(change) });
    expect(failure).toMatchObject({ reason, message: expect.stringContaining(says) });
    expect(failure.message).not.toContain('horse');
  });
});

test('a push that was interrupted goes on where it ended', async () => {
  const disk = registry.file('interrupted.qcow2');
  await makeDisk(disk, 29);
  const name = newName();
  const stop = new AbortController();
  const access = registry.access({ signal: stop.signal });
  const stopped = publish(disk, name, {
    access,
    onProgress: ({ sentBytes }) => {
      if (sentBytes > 0) stop.abort();
    },
  });
  await expect(stopped).rejects.toThrow('abort');
  const { digest, presentBytes } = await published(disk, name);
  expect(presentBytes).toBeGreaterThan(0);
  await expectSameGuest(disk, name, digest);
});

test('the command prints help, refuses wrong use, and ends with the reference by digest', async () => {
  const main = path.resolve(import.meta.dirname, '../../src/agent/main.ts');
  const run = (...args: string[]) =>
    execa(process.execPath, [main, 'publish', ...args], {
      reject: false,
      env: { PATH: `${path.dirname(registry.oras)}:${process.env['PATH']}` },
    });
  expect(await run('--help')).toMatchObject({ exitCode: 0, stdout: expect.stringContaining('DISK REFERENCE') });
  expect(await run()).toMatchObject({ exitCode: 2, stderr: expect.stringContaining('which disk') });
  expect(await run('-', 'r/x:y')).toMatchObject({ exitCode: 2, stderr: expect.stringContaining('standard input') });
  expect(await run('x', 'r/x')).toMatchObject({ exitCode: 2, stderr: expect.stringContaining('tag') });
  const disk = registry.file('by-command.qcow2');
  await makeDisk(disk, 30);
  await copyFile(registry.file('right.json'), registry.file('config.json'));
  const flags = ['--registry-config', registry.file('config.json'), '--ca-file', registry.file('ca.crt')];
  const ended = await run(...flags, disk, `${registry.tls}/by/command:v1`);
  expect(ended).toMatchObject({
    exitCode: 0,
    stdout: `${registry.tls}/by/command@${await registry.digest('by/command:v1')}`,
    stderr: expect.stringContaining('MiB sent'),
  });
});
