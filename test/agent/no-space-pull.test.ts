import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { volumeFiles } from '../../src/agent/disk/volume-files.ts';
import { openDisk } from '../../src/agent/prepare/index.ts';
import { TestRegistry } from '../oci/registry.ts';
import { DiskWorkbench, makeFullDisk, recordOf, until } from './disk-workbench.ts';
import { mayMount } from './small-volume.ts';

const DISK_MEBIBYTES = 64;

let registry: TestRegistry;
let snapshots: Record<'titled' | 'chunked', { reference: string; digest: string }>;

beforeAll(async () => {
  registry = await TestRegistry.start();
  const disk = registry.file('win98.qcow2');
  await makeFullDisk(disk, 1, DISK_MEBIBYTES);
  snapshots = {
    titled: {
      reference: `${registry.tls}/disks/titled:v1`,
      digest: await registry.pushFile('disks/titled:v1', disk),
    },
    chunked: {
      reference: `${registry.tls}/disks/chunked:v1`,
      digest: await registry.publish('disks/chunked:v1', disk),
    },
  };
});

afterAll(() => registry[Symbol.asyncDispose]());

async function benchFor(shape: keyof typeof snapshots, mebibytes: number): Promise<DiskWorkbench> {
  const bench = await DiskWorkbench.create();
  await bench.mountVolume(mebibytes);
  Object.assign(bench.paths, { registryConfig: registry.file('right.json'), registryCA: registry.file('ca.crt') });
  await bench.plan({ mode: 'Hybrid', snapshot: { ...snapshots[shape], plainHTTP: false } });
  return bench;
}

function open(bench: DiskWorkbench) {
  return openDisk(bench.options({ programs: { oras: registry.oras, qemuImg: 'qemu-img' } }));
}

test.skipIf(!mayMount)(
  'a snapshot for which the volume is too small is not begun to be fetched, and fetched when there is room',
  async () => {
    await using bench = await benchFor('chunked', 256);
    await bench.takeRoom(180);
    const opening = open(bench);
    await until(() => bench.report.current.phase === 'DiskFailed');
    expect(bench.report.current).toMatchObject({ reason: 'NoSpace' });
    expect(bench.report.current.message).toMatch(
      /needs \d+ MiB on the volume \(\d+ for what is fetched, .*\d+ for the reserve/,
    );
    expect(await stagedBytes(bench)).toBeLessThan(1024 ** 2);
    await bench.giveRoom();
    await (await opening)?.close();
    expect(await recordOf(bench)).toMatchObject({ origin: 'Snapshot' });
  },
);

test.skipIf(!mayMount).each(['titled', 'chunked'] as const)(
  'a snapshot (%s) under whose pull the volume becomes full is fetched to its end when there is room',
  async (shape) => {
    await using bench = await benchFor(shape, 256);
    const opening = open(bench);
    // The first bytes of the pull are there, and most of them aren't.
    await until(async () => (await stagedBytes(bench)) > 64 * 1024);
    bench.fillVolume();
    await until(() => ['DiskFailed', 'DiskReady'].includes(bench.report.current.phase));
    expect(bench.report.current).toMatchObject({ reason: 'NoSpace' });
    expect(await volumeFiles.facts(bench.paths.disk)).toBeUndefined();
    await bench.giveRoom();
    const disk = await opening;
    await disk?.close();
    expect(disk?.record).toMatchObject({ origin: 'Snapshot', source: { digest: snapshots[shape].digest } });
    expect(await volumeFiles.list(bench.volume.staging)).toEqual([]);
  },
);

/** What lies in the staging folder. */
async function stagedBytes(bench: DiskWorkbench): Promise<number> {
  const entries = await readdir(bench.volume.staging, { recursive: true, withFileTypes: true }).catch(() => []);
  // A file may have got another name meanwhile.
  const files = entries.filter((entry) => entry.isFile()).map((entry) => path.join(entry.parentPath, entry.name));
  const sizes = await Promise.all(files.map(async (file) => (await volumeFiles.facts(file))?.sizeBytes ?? 0));
  return sizes.reduce((sum, size) => sum + size, 0);
}
