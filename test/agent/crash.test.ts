import { copyFile, stat } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { beforeAll, describe, expect, test } from 'vitest';
import { readRecord } from '../../src/agent/disk/record.ts';
import { volumeFiles } from '../../src/agent/disk/volume-files.ts';
import { handIn } from '../../src/agent/import/inbox.ts';
import type { DiskOrigin } from '../../src/contract/disk-record.ts';
import { DiskWorkbench, makeDisk, sha256Of } from './disk-workbench.ts';

const program = fileURLToPath(new URL('./crashing-prepare.ts', import.meta.url));
let builtin: string;
let sha256: string;

beforeAll(async () => {
  const bench = await DiskWorkbench.create();
  builtin = bench.builtinPath;
  await makeDisk(builtin, 3);
  sha256 = await sha256Of(builtin);
  return () => bench[Symbol.asyncDispose]();
});

async function killedAt(bench: DiskWorkbench, step: number, side: string): Promise<number | undefined> {
  const ended = await execa(process.execPath, [program, bench.root, `${step}`, side], { reject: false });
  if (ended.exitCode === 0) return Number(ended.stdout);
  expect(ended.signal, ended.stderr).toBe('SIGKILL');
  return undefined;
}

/** What must hold at any moment, and what the next start must make of it. */
async function expectSafe(bench: DiskWorkbench, origin: DiskOrigin): Promise<void> {
  if ((await volumeFiles.facts(bench.paths.disk)) !== undefined) expect(await sha256Of(bench.paths.disk)).toBe(sha256);
  const opened = await bench.open();
  await opened.close();
  expect(await sha256Of(bench.paths.disk)).toBe(sha256);
  expect(opened.record).toMatchObject({ origin, sha256, inode: (await stat(bench.paths.disk)).ino, state: 'Prepared' });
  expect(await readRecord(volumeFiles, bench.volume.record)).toEqual({ kind: 'Record', record: opened.record });
  expect(await volumeFiles.list(bench.volume.staging)).toEqual([]);
  expect((await volumeFiles.list(bench.volume.folder)).filter((name) => name.startsWith('disk.'))).toEqual([
    'disk.json',
  ]);
}

async function freshBench(): Promise<DiskWorkbench> {
  const bench = await DiskWorkbench.create();
  await bench.plan({ builtinPath: builtin });
  return bench;
}

const ways: { name: string; origin: DiskOrigin; begin: (bench: DiskWorkbench) => Promise<void> }[] = [
  { name: 'from the built-in disk', origin: 'Builtin', begin: () => Promise.resolve() },
  { name: 'from an import that was handed in', origin: 'Imported', begin: handInDisk },
  { name: 'of an ephemeral machine that was killed', origin: 'Builtin', begin: runAndKill },
];

async function handInDisk(bench: DiskWorkbench): Promise<void> {
  await bench.plan({ builtinPath: '/nowhere' });
  await volumeFiles.makeFolder(bench.volume.staging);
  const id = crypto.randomUUID();
  const file = `import-${id}.partial`;
  await copyFile(builtin, path.join(bench.volume.staging, file));
  const facts = await volumeFiles.facts(path.join(bench.volume.staging, file));
  if (facts === undefined) throw new Error('no file');
  await handIn(volumeFiles, bench.volume, { id, file, sha256, ...facts });
}

async function runAndKill(bench: DiskWorkbench): Promise<void> {
  await bench.plan({ builtinPath: builtin, mode: 'Ephemeral' });
  const opened = await bench.open();
  await opened.update({ state: 'Running' });
  await opened.close();
}

describe.each(ways)('a preparation $name', ({ origin, begin }) => {
  test('that is killed before or after any of its steps is made good by the next start', async () => {
    await using whole = await freshBench();
    await begin(whole);
    const steps = await killedAt(whole, 0, 'never');
    if (steps === undefined) throw new Error('killed without a reason');
    // Every second step, before and after in turn: the rest is for the long form of this test.
    for (let step = 1; step <= steps; step += 2) {
      await using bench = await freshBench();
      await begin(bench);
      await killedAt(bench, step, step % 4 === 1 ? 'before' : 'after');
      await expectSafe(bench, origin);
    }
  });
});

test.each([1, 1_000_000, 3_000_000])('a copy that is killed after %d bytes is begun again', async (bytes) => {
  await using bench = await freshBench();
  expect(await killedAt(bench, bytes, 'copying')).toBeUndefined();
  expect(await volumeFiles.facts(bench.paths.disk)).toBeUndefined();
  await expectSafe(bench, 'Builtin');
});

test('the steps of a preparation that finds its disk ready leave no trace when it is killed', async () => {
  await using bench = await freshBench();
  await (await bench.open()).close();
  for (const step of [1, 3, 5]) {
    await killedAt(bench, step, 'after');
    await expectSafe(bench, 'Builtin');
  }
});
