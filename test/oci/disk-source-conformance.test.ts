import { copyFile, readFile, stat, truncate, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { volumeFiles } from '../../src/agent/disk/volume-files.ts';
import { systemClock } from '../../src/agent/environment.ts';
import { handIn } from '../../src/agent/import/inbox.ts';
import { readPlan } from '../../src/agent/plan.ts';
import type { PrepareContext } from '../../src/agent/prepare/context.ts';
import { builtinSource } from '../../src/agent/prepare/sources/builtin.ts';
import { importSource } from '../../src/agent/prepare/sources/import.ts';
import { snapshotSource } from '../../src/agent/prepare/sources/snapshot.ts';
import type { DiskSource, StageResult } from '../../src/agent/prepare/sources/source.ts';
import { prepareFromSources } from '../../src/agent/prepare/stage.ts';
import { DiskWorkbench, makeDisk, sha256Of } from '../agent/disk-workbench.ts';
import { TestRegistry } from './registry.ts';

let registry: TestRegistry;
let fixtures: DiskWorkbench;
let good: string;
let cut: string;

beforeAll(async () => {
  registry = await TestRegistry.start();
  fixtures = await DiskWorkbench.create();
  good = path.join(fixtures.root, 'good.qcow2');
  cut = path.join(fixtures.root, 'cut.qcow2');
  await makeDisk(good, 11);
  await copyFile(good, cut);
  await truncate(cut, (await stat(cut)).size - 4096);
});

afterAll(async () => {
  await registry[Symbol.asyncDispose]();
  await fixtures[Symbol.asyncDispose]();
});

function contextOf(bench: DiskWorkbench): PrepareContext {
  return {
    ...bench.options({ signal: new AbortController().signal }),
    container: 'init-disk-image',
    volume: bench.volume,
    files: volumeFiles,
    programs: { oras: registry.oras, qemuImg: 'qemu-img' },
    random: () => 0,
    log: pino({ level: 'silent' }),
  };
}

/** What differs between the sources: how a test gives them a disk. */
interface Given {
  readonly name: DiskSource['name'];
  /** What the source says when it has been given nothing. */
  readonly without: { readonly kind: StageResult['kind']; readonly reason: string };
  readonly create: (bench: DiskWorkbench) => DiskSource;
  readonly give: (bench: DiskWorkbench, disk: string) => Promise<void>;
  readonly giveNothing: (bench: DiskWorkbench) => Promise<void>;
}

const SOURCES: readonly Given[] = [
  {
    name: 'Builtin',
    without: { kind: 'Absent', reason: 'BuiltinDiskMissing' },
    create: (bench) => builtinSource(volumeFiles, bench.volume),
    give: async (bench, disk) => {
      await bench.plan({ source: 'Builtin' });
      await copyFile(disk, bench.builtinPath);
    },
    giveNothing: (bench) => bench.plan({ source: 'Builtin' }),
  },
  {
    name: 'Snapshot',
    without: { kind: 'Failed', reason: 'SnapshotNotFound' },
    create: (bench) => snapshotSource(contextOf(bench)),
    give: async (bench, disk) => {
      Object.assign(bench.paths, { registryConfig: registry.file('right.json'), registryCA: registry.file('ca.crt') });
      const name = `conformance/${path.basename(disk, '.qcow2')}:v1`;
      const digest = await registry.pushFile(name, disk);
      const snapshot = { reference: `${registry.tls}/${name}`, digest, plainHTTP: false };
      await bench.plan({ mode: 'Hybrid', source: 'Snapshot', snapshot });
    },
    giveNothing: async (bench) => {
      Object.assign(bench.paths, { registryConfig: registry.file('right.json'), registryCA: registry.file('ca.crt') });
      const snapshot = { reference: `${registry.tls}/none:v1`, digest: `sha256:${'0'.repeat(64)}`, plainHTTP: false };
      await bench.plan({ mode: 'Hybrid', source: 'Snapshot', snapshot });
    },
  },
  {
    name: 'Import',
    without: { kind: 'Waiting', reason: 'ImportNeeded' },
    create: (bench) => importSource(volumeFiles, bench.volume, systemClock, 'loco-agent import < win98.qcow2'),
    give: async (bench, disk) => {
      await bench.plan({ source: 'Import' });
      const id = crypto.randomUUID();
      const file = `import-${id}.partial`;
      await copyFile(disk, path.join(bench.volume.staging, file));
      const facts = await volumeFiles.facts(path.join(bench.volume.staging, file));
      if (facts === undefined) throw new Error('no file');
      await handIn(volumeFiles, bench.volume, { id, file, sha256: await sha256Of(disk), ...facts });
    },
    giveNothing: (bench) => bench.plan({ source: 'Import' }),
  },
];

describe.each(SOURCES)('the source $name', ({ name, without, create, give, giveNothing }) => {
  async function staged(bench: DiskWorkbench, source = create(bench), signal = new AbortController().signal) {
    const plan = await readPlan(bench.paths.plan, {});
    if (!plan.ok) throw new Error(plan.failure.message);
    return source.stage({ plan: plan.value, signal, onProgress: () => undefined });
  }

  async function newBench(): Promise<DiskWorkbench> {
    const bench = await DiskWorkbench.create();
    await volumeFiles.makeFolder(bench.volume.staging);
    return bench;
  }

  test('brings the whole disk, with its size, hash and origin, into the staging folder', async () => {
    await using bench = await newBench();
    await give(bench, good);
    const result = await staged(bench);
    if (result.kind !== 'Staged') throw new Error(`${result.failure.reason}: ${result.failure.message}`);
    expect(result.disk.path.startsWith(`${bench.volume.staging}/`)).toBe(true);
    expect(await readFile(result.disk.path)).toEqual(await readFile(good));
    expect(result.disk).toMatchObject({ sizeBytes: (await stat(good)).size, sha256: await sha256Of(good) });
    expect(result.disk.source.description).not.toBe('');
  });

  test('may be asked again after it has staged', async () => {
    await using bench = await newBench();
    await give(bench, good);
    const source = create(bench);
    const first = await staged(bench, source);
    expect(await staged(bench, source)).toEqual(first);
  });

  test('takes no notice of what a crash left in its place', async () => {
    await using bench = await newBench();
    await give(bench, good);
    for (const leftover of ['builtin.partial', 'snapshot.partial']) {
      await writeFile(path.join(bench.volume.staging, leftover), 'half a disk');
    }
    const result = await staged(bench);
    expect(result.kind === 'Staged' && (await sha256Of(result.disk.path))).toBe(await sha256Of(good));
  });

  test('says that it has nothing, and why', async () => {
    await using bench = await newBench();
    await giveNothing(bench);
    const result = await staged(bench);
    expect(result).toMatchObject({ kind: without.kind, failure: { reason: without.reason } });
  });

  test('that is aborted leaves the disk out of sight and can begin again', async () => {
    await using bench = await newBench();
    await give(bench, good);
    const aborted = await staged(bench, create(bench), AbortSignal.abort()).catch(() => undefined);
    // An import is staged already when it is handed in; everything else stops.
    if (name !== 'Import') expect(aborted).toBeUndefined();
    expect(await volumeFiles.facts(bench.paths.disk)).toBeUndefined();
    expect((await staged(bench)).kind).toBe('Staged');
  });

  test('leaves no disk in the staging folder when it is settled', async () => {
    await using bench = await newBench();
    await give(bench, good);
    const source = create(bench);
    const result = await staged(bench, source);
    if (result.kind !== 'Staged') throw new Error(result.failure.message);
    await source.settle(result.disk, { reason: 'DiskCorrupt', message: 'for the test' });
    expect(await volumeFiles.facts(result.disk.path)).toBeUndefined();
    expect(await volumeFiles.facts(path.join(bench.volume.staging, 'import.json'))).toBeUndefined();
  });

  test('with a disk that was cut never makes it the disk of the machine', async () => {
    await using bench = await newBench();
    await give(bench, cut);
    const plan = await readPlan(bench.paths.plan, {});
    if (!plan.ok) throw new Error(plan.failure.message);
    const sources = { Builtin: create(bench), Snapshot: create(bench), Import: create(bench) };
    const pass = await prepareFromSources(contextOf(bench), plan.value, sources, {});
    expect(pass).toMatchObject({ kind: 'None', attempts: [{ source: name, reason: 'DiskTruncated' }] });
    expect(await volumeFiles.facts(bench.paths.disk)).toBeUndefined();
  });
});
