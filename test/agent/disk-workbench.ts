import { createCipheriv, createHash } from 'node:crypto';
import { closeSync, openSync, statfsSync, writeSync } from 'node:fs';
import { mkdir, mkdtemp, open, readFile, rm, truncate, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { execa, execaSync } from 'execa';
import { pino } from 'pino';
import { ensureDebianPackages } from '../../scripts/debian-packages.ts';
import { readRecord } from '../../src/agent/disk/record.ts';
import { volumeOf } from '../../src/agent/disk/volume.ts';
import { volumeFiles } from '../../src/agent/disk/volume-files.ts';
import { agentPaths, type Clock, systemClock } from '../../src/agent/environment.ts';
import { type OpenDiskOptions, openDisk } from '../../src/agent/prepare/index.ts';
import { ReportState } from '../../src/agent/report-state.ts';
import type { DiskPlan } from '../../src/contract/disk-plan.ts';
import type { DiskRecord } from '../../src/contract/disk-record.ts';

/** A folder that stands for one machine's container: its volume, its plan, its image. */
export class DiskWorkbench implements AsyncDisposable {
  readonly root: string;
  readonly paths;
  readonly volume;
  /** Where the image of this container has its built-in disk, if it has one. */
  readonly builtinPath: string;
  readonly report = new ReportState({ podUid: 'uid-1', phase: 'Starting', message: '' });
  readonly stop = new AbortController();
  #isMounted = false;

  private constructor(root: string) {
    this.root = root;
    this.paths = agentPaths(root);
    this.volume = volumeOf(this.paths.disk);
    this.builtinPath = path.join(root, 'opt', 'win98.qcow2.builtin');
  }

  static async create(): Promise<DiskWorkbench> {
    await ensureDebianPackages(['qemu-utils', 'e2fsprogs', 'mount']);
    const bench = new DiskWorkbench(await mkdtemp(path.join(tmpdir(), 'loco-disk-')));
    await mkdir(bench.paths.images, { recursive: true });
    await mkdir(path.dirname(bench.builtinPath), { recursive: true });
    return bench;
  }

  /** Mounts an ext4 of its own for the disk's volume, so that it can really be full, or read-only. Root only. */
  async mountVolume(mebibytes: number): Promise<void> {
    const device = path.join(this.root, 'volume.ext4');
    await writeFile(device, '');
    await truncate(device, mebibytes * 1024 ** 2);
    await execa('mkfs.ext4', ['-q', '-m', '0', device]);
    await execa('mount', ['-o', 'loop', device, this.paths.images]);
    this.#isMounted = true;
  }

  /** Takes room on the mounted volume. */
  async takeRoom(mebibytes: number): Promise<void> {
    await execa('fallocate', ['-l', `${mebibytes}M`, this.#ballast]);
  }

  /** Takes all the room that there is, at once, as another program on the volume might. */
  fillVolume(): void {
    const { bavail, bsize } = statfsSync(this.paths.images);
    // Most of it without writing it, so that whoever writes meanwhile has no time to end.
    execaSync('fallocate', ['-l', `${Math.max(1, bavail - 64) * bsize}`, this.#ballast], { reject: false });
    const file = openSync(this.#ballast, 'a');
    for (const piece of [1024 ** 2, 4096, 1024]) {
      try {
        for (;;) writeSync(file, Buffer.alloc(piece, 1));
      } catch (error) {
        if (!(error instanceof Error && 'code' in error && error.code === 'ENOSPC')) throw error;
      }
    }
    closeSync(file);
  }

  /** Gives back what {@link takeRoom} or {@link fillVolume} took. */
  async giveRoom(): Promise<void> {
    await rm(this.#ballast);
  }

  get #ballast(): string {
    return path.join(this.paths.images, 'ballast');
  }

  async plan(plan: Partial<DiskPlan>): Promise<void> {
    const whole: DiskPlan = {
      schemaVersion: 1,
      mode: 'Persistent',
      source: 'Auto',
      builtinPath: this.builtinPath,
      onCorruption: 'Fail',
      ...plan,
    };
    await mkdir(path.dirname(this.paths.plan), { recursive: true });
    await writeFile(this.paths.plan, JSON.stringify(whole));
  }

  options(change: Partial<OpenDiskOptions> = {}): OpenDiskOptions {
    return {
      environment: { podName: 'pc-0', podNamespace: 'games', podUid: 'uid-1' },
      variables: { KUBERNETES_SERVICE_HOST: '10.96.0.1' },
      paths: this.paths,
      report: this.report,
      clock: systemClock,
      log: pino({ level: 'silent' }),
      signal: this.stop.signal,
      ...change,
    };
  }

  /** Opens the disk; the caller closes it. */
  async open(change: Partial<OpenDiskOptions> = {}) {
    const disk = await openDisk(this.options(change));
    if (disk === null) throw new Error(`no disk: ${this.report.current.message}`);
    return disk;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.stop.abort();
    // Lazy: a child that was killed may still be on its way out.
    if (this.#isMounted) await execa('umount', ['--lazy', this.paths.images]);
    await rm(this.root, { recursive: true, force: true });
  }
}

/** A qcow2 file whose content depends on `seed` alone: 4 MiB of noise in pieces, and holes. */
export async function makeDisk(target: string, seed: number, convert: readonly string[] = []): Promise<void> {
  const raw = `${target}.raw`;
  const file = await open(raw, 'w');
  for (let index = 0; index < 4; index += 1) {
    await file.write(noise(seed * 10 + index, 1024 * 1024), 0, 1024 * 1024, index * 9 * 1024 * 1024);
  }
  await file.truncate(64 * 1024 * 1024);
  await file.close();
  await execa('qemu-img', ['convert', '-f', 'raw', '-O', 'qcow2', ...convert, raw, target]);
  await rm(raw);
}

/** A qcow2 file that is full of noise, for disks that take room. */
export async function makeFullDisk(target: string, seed: number, mebibytes: number): Promise<void> {
  const raw = `${target}.raw`;
  await writeFile(raw, noise(seed, mebibytes * 1024 ** 2));
  await execa('qemu-img', ['convert', '-f', 'raw', '-O', 'qcow2', raw, target]);
  await rm(raw);
}

/** Bytes without a pattern that depend on `seed` alone. */
export function noise(seed: number, bytes: number): Buffer {
  return createCipheriv('aes-128-ctr', Buffer.alloc(16, 7), Buffer.alloc(16, seed)).update(Buffer.alloc(bytes));
}

export async function sha256Of(file: string): Promise<string> {
  return createHash('sha256')
    .update(await readFile(file))
    .digest('hex');
}

/** Waits until a condition holds, looking every 20 ms; a test's own time limit ends it. */
export async function until(condition: () => boolean | Promise<boolean>, limitMilliseconds = 20_000): Promise<void> {
  const end = performance.now() + limitMilliseconds;
  while (!(await condition())) {
    if (performance.now() > end) throw new Error(`never held: ${condition.toString()}`);
    await systemClock.sleep(20);
  }
}

/** The record of the disk; throws when there is none. */
export async function recordOf(bench: DiskWorkbench): Promise<DiskRecord> {
  const read = await readRecord(volumeFiles, bench.volume.record);
  if (read.kind !== 'Record') throw new Error(`the record is ${read.kind}`);
  return read.record;
}

/** A bench whose disk was made from its built-in one. */
export async function preparedBench(seed = 1, plan: Partial<DiskPlan> = {}): Promise<DiskWorkbench> {
  const bench = await DiskWorkbench.create();
  await makeDisk(bench.builtinPath, seed);
  await bench.plan(plan);
  await (await bench.open()).close();
  return bench;
}

/** Time as it is in a minute: nobody writes to what was written now. */
export const inAMinute: Clock = { ...systemClock, now: () => Date.now() + 60_000 };

/** Lets two places of the guest's disk share one cluster; a minute ago, so that nobody seems to be writing it. */
export async function damage(disk: string): Promise<void> {
  const bytes = await readFile(disk);
  const l2 = Number(bytes.readBigUInt64BE(Number(bytes.readBigUInt64BE(40))) & 0x00fffffffffffe00n);
  bytes.writeBigUInt64BE(bytes.readBigUInt64BE(l2), l2 + 8);
  await writeFile(disk, bytes);
  const then = Date.now() / 1000 - 60;
  await utimes(disk, then, then);
}
