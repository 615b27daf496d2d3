import { createHash } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import path from 'node:path';
import { execa } from 'execa';
import { step } from '../scripts/console.ts';
import { TestRegistry } from '../test/oci/registry.ts';
import { BenchedAgent } from './agent.ts';
import { benchBuiltin } from './builtin.ts';
import { benchGuestWrites } from './guest-writes.ts';
import { thisMachine } from './machine.ts';
import { type Comparison, tableOf } from './pairs.ts';
import { benchPull } from './pull.ts';
import { makeSampleDisk } from './sample-disk.ts';

export const DISK_BENCH_PARTS = ['builtin', 'pull', 'guest'] as const;
export type DiskBenchPart = (typeof DISK_BENCH_PARTS)[number];

export interface DiskBenchOptions {
  /** Sizes of the disks' files in MiB; half of each are holes. */
  readonly sizes: readonly number[];
  readonly pairs: number;
  readonly parts: readonly DiskBenchPart[];
  /** Where everything is written; the volume that is measured. */
  readonly folder: string;
}

const GUEST_MEBIBYTES = 64;

/** Everything that a machine's disk costs, side by side with other programs that do part of it. Gives Markdown. */
export async function benchDisk({ sizes, pairs, parts, folder }: DiskBenchOptions): Promise<string> {
  const scratch = await mkdtemp(path.join(folder, 'loco-bench-'));
  try {
    const before = await thisMachine(scratch);
    const agent = await BenchedAgent.create(scratch);
    const comparisons: Comparison[] = [];
    for (const mebibytes of sizes) {
      comparisons.push(...(await benchSize({ agent, scratch, mebibytes, pairs, parts })));
    }
    if (parts.includes('guest')) {
      step('Measuring a guest that writes');
      comparisons.push(...(await benchGuestWrites({ folder: scratch, mebibytes: GUEST_MEBIBYTES, pairs })));
    }
    return [before, tableOf(comparisons), await floors(agent, scratch, sizes)].join('\n\n');
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

interface SizeBench extends Pick<DiskBenchOptions, 'pairs' | 'parts'> {
  readonly agent: BenchedAgent;
  readonly scratch: string;
  readonly mebibytes: number;
}

async function benchSize({ agent, scratch, mebibytes, pairs, parts }: SizeBench): Promise<readonly Comparison[]> {
  const disk = path.join(scratch, 'win98.qcow2');
  await makeSampleDisk(disk, mebibytes);
  const bench = { agent, folder: scratch, disk, mebibytes, pairs };
  const comparisons: Comparison[] = [];
  try {
    if (parts.includes('builtin')) {
      step(`Measuring preparations from a built-in disk of ${mebibytes} MiB`);
      comparisons.push(...(await benchBuiltin(bench)));
    }
    if (parts.includes('pull')) {
      step(`Measuring preparations from a registry, ${mebibytes} MiB`);
      comparisons.push(...(await withRegistry((registry) => benchPull({ ...bench, registry }))));
    }
  } finally {
    await rm(disk);
  }
  return comparisons;
}

async function withRegistry<T>(work: (registry: TestRegistry) => Promise<T>): Promise<T> {
  const registry = await TestRegistry.start({ login: false });
  try {
    return await work(registry);
  } finally {
    await registry[Symbol.asyncDispose]();
  }
}

/** Below what no preparation can come on this machine: its fixed costs, and SHA-256 of all bytes. */
async function floors(agent: BenchedAgent, scratch: string, sizes: readonly number[]): Promise<string> {
  const empty = path.join(scratch, 'empty.qcow2');
  await execa('qemu-img', ['create', '-q', '-f', 'qcow2', empty, '64M']);
  const { seconds } = await agent.fromBuiltin(empty);
  const hashes = sizes.map((mebibytes) => `${hashSeconds(mebibytes).toFixed(2)} s for ${mebibytes} MiB`);
  return `Of that: a preparation of an empty disk ${seconds.toFixed(2)} s; SHA-256 alone ${hashes.join(', ')}.`;
}

function hashSeconds(mebibytes: number): number {
  const hash = createHash('sha256');
  const piece = Buffer.alloc(1024 ** 2, 7);
  const started = performance.now();
  for (let index = 0; index < mebibytes; index += 1) hash.update(piece);
  hash.digest();
  return (performance.now() - started) / 1000;
}
