import { open, rm } from 'node:fs/promises';
import path from 'node:path';
import { execa } from 'execa';
import { type Logger, pino } from 'pino';
import { volumeFiles } from '../../src/agent/disk/volume-files.ts';
import type { Failure } from '../../src/agent/failure.ts';
import { readPlan } from '../../src/agent/plan.ts';
import { type RegistryPatience, snapshotSource } from '../../src/agent/prepare/sources/snapshot.ts';
import type { StageResult } from '../../src/agent/prepare/sources/source.ts';
import { DiskWorkbench, noise } from '../agent/disk-workbench.ts';
import type { TestRegistry } from './registry.ts';

const CHUNK = 16 * 1024 ** 2;

/** A qcow2 file with a little noise in each of so many chunks, so that a snapshot of it has many small blobs. */
export async function makeChunkyDisk(disk: string, chunks: number, bytes = 100_000): Promise<void> {
  const raw = `${disk}.raw`;
  const file = await open(raw, 'w');
  for (let chunk = 0; chunk < chunks; chunk += 1) await file.write(noise(chunk, bytes), 0, bytes, chunk * CHUNK + 4096);
  await file.truncate(chunks * CHUNK);
  await file.close();
  await execa('qemu-img', ['convert', '-f', 'raw', '-O', 'qcow2', raw, disk]);
  await rm(raw);
}

/** One attempt after the other at one snapshot, on one volume, as a preparation makes them. */
export class SnapshotAttempts implements AsyncDisposable {
  readonly bench: DiskWorkbench;
  readonly layout: string;
  /** What the source wrote into the log. */
  readonly logged: Readonly<Record<string, unknown>>[] = [];
  now = Date.now();
  readonly #source;

  private constructor(bench: DiskWorkbench, registry: TestRegistry, digest: string, patience: RegistryPatience) {
    this.bench = bench;
    this.layout = path.join(bench.volume.staging, `layout-${digest.replace(':', '-')}`);
    this.#source = snapshotSource(
      {
        ...bench.options(),
        volume: bench.volume,
        files: volumeFiles,
        programs: { oras: registry.oras, qemuImg: 'qemu-img' },
        clock: { now: () => this.now, elapsed: () => this.now, sleep: async () => undefined },
        log: this.#log(),
      },
      patience,
    );
  }

  static async create(
    registry: TestRegistry,
    snapshot: { readonly reference: string; readonly digest: string; readonly plainHTTP: boolean },
    registryConfig: string,
    patience: RegistryPatience = {},
  ): Promise<SnapshotAttempts> {
    const bench = await DiskWorkbench.create();
    Object.assign(bench.paths, { registryConfig, registryCA: registry.file('ca.crt') });
    await volumeFiles.makeFolder(bench.volume.staging);
    await bench.plan({ mode: 'Hybrid', source: 'Snapshot', snapshot });
    return new SnapshotAttempts(bench, registry, snapshot.digest, patience);
  }

  async once(): Promise<StageResult> {
    const plan = await readPlan(this.bench.paths.plan, {});
    if (!plan.ok) throw new Error(plan.failure.message);
    return this.#source.stage({ plan: plan.value, signal: this.bench.stop.signal, onProgress: () => undefined });
  }

  /** As a preparation does when what was staged is no disk for it. */
  async refuse(staged: StageResult, reason: Failure['reason']): Promise<void> {
    if (staged.kind !== 'Staged') throw new Error(`nothing is staged: ${staged.failure.reason}`);
    await this.#source.settle(staged.disk, { reason, message: 'for the test' });
  }

  /** Attempts until the disk is there, at most so many. */
  async untilStaged(most: number): Promise<{ readonly path: string; readonly reasons: readonly string[] }> {
    const reasons: string[] = [];
    for (let attempt = 0; attempt < most; attempt += 1) {
      const result = await this.once();
      if (result.kind === 'Staged') return { path: result.disk.path, reasons };
      reasons.push(result.failure.reason);
    }
    throw new Error(`no disk: ${reasons.join(', ')}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.bench[Symbol.asyncDispose]();
  }

  #log(): Logger {
    return pino({ base: null }, { write: (line: string) => void this.logged.push(JSON.parse(line)) });
  }
}
