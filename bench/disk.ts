import { mkdtemp, open, rm } from 'node:fs/promises';
import { cpus, tmpdir } from 'node:os';
import path from 'node:path';
import { execa } from 'execa';
import { DiskWorkbench, noise } from '../test/agent/disk-workbench.ts';
import { type Pair, summary } from './pairs.ts';

const MEBIBYTE = 1024 * 1024;

export interface DiskBenchOptions {
  /** Size of the built-in disk's file; every other MiB of it is zeros. */
  readonly mebibytes: number;
  readonly pairs: number;
}

/** A qcow2 whose file is as long as asked, with every other MiB zero and allocated all the same. */
async function makeBuiltinDisk(target: string, mebibytes: number): Promise<void> {
  const raw = `${target}.raw`;
  const file = await open(raw, 'w');
  for (let index = 0; index < mebibytes; index += 2) {
    await file.write(noise(index % 256, MEBIBYTE), 0, MEBIBYTE, index * MEBIBYTE);
  }
  await file.truncate(mebibytes * MEBIBYTE);
  await file.close();
  // -S 0 keeps zeros as data.
  await execa('qemu-img', ['convert', '-f', 'raw', '-O', 'qcow2', '-S', '0', raw, target]);
  await rm(raw);
}

async function seconds(work: () => Promise<unknown>): Promise<number> {
  const started = performance.now();
  await work();
  return (performance.now() - started) / 1000;
}

/** The whole preparation of a machine's disk: copy, hash, check and sync, and the record beside it. */
async function prepare(builtin: string): Promise<number> {
  const bench = await DiskWorkbench.create();
  try {
    await bench.plan({ source: 'Builtin', builtinPath: builtin });
    return await seconds(async () => (await bench.open()).close());
  } finally {
    await bench[Symbol.asyncDispose]();
  }
}

/** The physical floor: the same bytes on the same volume, with no hash, no check and no record. */
async function copyAndSync(builtin: string): Promise<number> {
  const folder = await mkdtemp(path.join(tmpdir(), 'loco-bench-'));
  const target = path.join(folder, 'copy');
  try {
    return await seconds(async () => {
      await execa('cp', ['--sparse=always', builtin, target]);
      await execa('sync', [target]);
    });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Prepares a disk from a built-in one, in turn with `cp --sparse=always` and `sync` of the same file. */
export async function benchDisk({ mebibytes, pairs }: DiskBenchOptions): Promise<string> {
  const folder = await mkdtemp(path.join(tmpdir(), 'loco-builtin-'));
  const builtin = path.join(folder, 'win98.qcow2.builtin');
  try {
    await makeBuiltinDisk(builtin, mebibytes);
    // Once each without counting: the page cache is warm for both.
    await prepare(builtin);
    await copyAndSync(builtin);
    const measured: Pair[] = [];
    for (let index = 0; index < pairs; index += 1) {
      measured.push({ ours: await prepare(builtin), peer: await copyAndSync(builtin) });
    }
    const what = `${mebibytes} MiB built-in disk, half of it zeros, ${pairs} pairs, ${cpus()[0]?.model ?? 'unknown CPU'}`;
    return `${what}\n${summary('preparation', 'cp --sparse=always + sync', measured)}`;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
