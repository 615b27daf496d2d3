import { copyFile, mkdir } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { volumeFiles } from '../../src/agent/disk/volume-files.ts';
import { DiskWorkbench, makeDisk } from '../agent/disk-workbench.ts';
import { TestRegistry } from './registry.ts';

const program = fileURLToPath(new URL('../agent/crashing-prepare.ts', import.meta.url));
let registry: TestRegistry;
let digest: string;

beforeAll(async () => {
  registry = await TestRegistry.start();
  await makeDisk(registry.file('win98.qcow2'), 1);
  digest = await registry.publish('disks/crash:v1', registry.file('win98.qcow2'));
});

afterAll(() => registry[Symbol.asyncDispose]());

async function freshBench(): Promise<DiskWorkbench> {
  const bench = await DiskWorkbench.create();
  const { registryConfig, registryCA } = bench.paths;
  await mkdir(path.dirname(registryConfig), { recursive: true });
  await mkdir(path.dirname(registryCA), { recursive: true });
  await copyFile(registry.file('right.json'), registryConfig);
  await copyFile(registry.file('ca.crt'), registryCA);
  const snapshot = { reference: `${registry.tls}/disks/crash:v1`, digest, plainHTTP: false };
  await bench.plan({ mode: 'Hybrid', snapshot });
  return bench;
}

async function killedAt(bench: DiskWorkbench, step: number, side: string): Promise<number | undefined> {
  const env = { PATH: `${path.dirname(registry.oras)}:${process.env.PATH}` };
  const ended = await execa(process.execPath, [program, bench.root, `${step}`, side], { env, reject: false });
  if (ended.exitCode === 0) return Number(ended.stdout);
  expect(ended.signal, ended.stderr).toBe('SIGKILL');
  return undefined;
}

async function expectWhole(bench: DiskWorkbench): Promise<void> {
  await execa('qemu-img', ['compare', '-f', 'qcow2', '-F', 'qcow2', bench.paths.disk, registry.file('win98.qcow2')]);
}

test('a preparation from a registry that is killed at any of its steps is made good by the next start', async () => {
  await using whole = await freshBench();
  const steps = await killedAt(whole, 0, 'never');
  if (steps === undefined) throw new Error('killed without a reason');
  for (let step = 1; step <= steps; step += 3) {
    await using bench = await freshBench();
    await killedAt(bench, step, step % 2 === 1 ? 'before' : 'after');
    if ((await volumeFiles.facts(bench.paths.disk)) !== undefined) await expectWhole(bench);
    const opened = await bench.open({ programs: { oras: registry.oras, qemuImg: 'qemu-img' } });
    await opened.close();
    expect(opened.record).toMatchObject({ origin: 'Snapshot', source: { digest }, state: 'Prepared' });
    await expectWhole(bench);
    expect(await volumeFiles.list(bench.volume.staging)).toEqual([]);
  }
});
