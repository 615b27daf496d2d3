import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { volumeFiles } from '../../src/agent/disk/volume-files.ts';
import { openDisk } from '../../src/agent/prepare/index.ts';
import type { DiskPlan } from '../../src/contract/disk-plan.ts';
import { FaultyRegistry } from '../oci/faulty-registry.ts';
import { TestRegistry } from '../oci/registry.ts';
import { DiskWorkbench, makeFullDisk, recordOf, until } from './disk-workbench.ts';
import { mayMount } from './small-volume.ts';

const DISK_MEBIBYTES = 64;

let registry: TestRegistry;

beforeAll(async () => {
  registry = await TestRegistry.start();
  const disk = registry.file('win98.qcow2');
  await makeFullDisk(disk, 1, DISK_MEBIBYTES);
  await registry.pushFile('disks/titled:v1', disk);
  await registry.publish('disks/chunked:v1', disk);
});

afterAll(() => registry[Symbol.asyncDispose]());

type Snapshot = NonNullable<DiskPlan['snapshot']>;

async function benchFor(snapshot: Snapshot, registryConfig: string, mebibytes: number): Promise<DiskWorkbench> {
  const bench = await DiskWorkbench.create();
  await bench.mountVolume(mebibytes);
  Object.assign(bench.paths, { registryConfig, registryCA: registry.file('ca.crt') });
  await bench.plan({ mode: 'Hybrid', snapshot });
  return bench;
}

function open(bench: DiskWorkbench) {
  return openDisk(bench.options({ programs: { oras: registry.oras, qemuImg: 'qemu-img' } }));
}

test.skipIf(!mayMount)(
  'a snapshot for which the volume is too small is not begun to be fetched, and fetched when there is room',
  async () => {
    const digest = await registry.digest('disks/chunked:v1');
    const snapshot = { reference: `${registry.tls}/disks/chunked:v1`, digest, plainHTTP: false };
    await using bench = await benchFor(snapshot, registry.file('right.json'), 256);
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
    const name = `disks/${shape}`;
    const digest = await registry.digest(`${name}:v1`);
    const { layers } = await registry.manifest(`${name}:v1`);
    await using slow = await FaultyRegistry.start(registry);
    // From this machine all of it would be there at once. What comes after the volume was full comes as fast as it can.
    const fault = { kind: 'Slow', bytes: 1_000_000 } as const;
    slow.spoil(
      name,
      name,
      layers.map((layer) => ({ on: 'blob', digest: layer.digest, times: 1, fault })),
    );
    const snapshot = { reference: `${slow.host}/${name}:v1`, digest, plainHTTP: true };
    await using bench = await benchFor(snapshot, await registry.loginFor(slow.host), 256);
    const opening = open(bench);
    // The first bytes of the pull are there, and most of them aren't.
    await until(async () => (await stagedBytes(bench)) > 64 * 1024);
    bench.fillVolume();
    await until(() => ['DiskFailed', 'DiskReady'].includes(bench.report.current.phase));
    expect(bench.report.current).toMatchObject({ reason: 'NoSpace' });
    expect(await volumeFiles.facts(bench.paths.disk)).toBeUndefined();
    await bench.giveRoom();
    const opened = await opening;
    await opened?.close();
    expect(opened?.record).toMatchObject({ origin: 'Snapshot', source: { digest } });
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
