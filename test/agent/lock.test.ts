import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, readFile, readlink, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import { takeLock } from '../../src/agent/disk/lock.ts';
import { openDisk } from '../../src/agent/prepare/index.ts';
import { type AgentReport, agentReportSchema } from '../../src/contract/agent-report.ts';
import { DiskWorkbench, makeDisk, until } from './disk-workbench.ts';

let folder: string;
let file: string;

beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'loco-lock-'));
  file = path.join(folder, 'lock');
});

afterEach(() => rm(folder, { recursive: true }));

const me = { name: 'pod games/pc-0', since: '2026-01-02T03:04:05.000Z' };
const other = { name: 'pod games/pc-1', since: '2026-01-02T03:04:06.000Z' };

async function held(program?: string) {
  const attempt = await takeLock(file, me, program);
  if (attempt.kind !== 'Held') throw new Error(attempt.kind);
  return attempt.lock;
}

describe('a lock', () => {
  test('is had by one, who is named to the next, until it is released', async () => {
    const lock = await held();
    expect(await takeLock(file, other)).toEqual({ kind: 'Busy', holder: me });
    await lock.release();
    const next = await takeLock(file, other);
    expect(next.kind).toBe('Held');
    if (next.kind === 'Held') await next.lock.release();
  });

  test('lives on in a child that inherited it, as long as that lives', async () => {
    const lock = await held();
    const child = spawn('sleep', ['60'], { stdio: ['ignore', 'ignore', 'ignore', lock.descriptor] });
    await lock.release();
    expect((await takeLock(file, other)).kind).toBe('Busy');
    child.kill('SIGKILL');
    await once(child, 'exit');
    const next = await takeLock(file, other);
    expect(next.kind).toBe('Held');
    if (next.kind === 'Held') await next.lock.release();
  });

  test('is not inherited by other children', async () => {
    const lock = await held();
    const child = spawn('sleep', ['60'], { stdio: 'ignore' });
    await lock.release();
    const next = await takeLock(file, other);
    expect(next.kind).toBe('Held');
    if (next.kind === 'Held') await next.lock.release();
    child.kill('SIGKILL');
    await once(child, 'exit');
  });
});

describe('a lock that is not told of', () => {
  test('is held all the same where the name of its holder can not be written', async () => {
    await symlink('/dev/full', file);
    await (await held()).release();
  });

  test('is not kept by an attempt that failed', async () => {
    // Takes the lock, and the file away from under it.
    const program = path.join(folder, 'takes-all');
    await writeFile(program, '#!/bin/sh\nrm -f "$(dirname "$0")/lock"\n', { mode: 0o755 });
    await expect(takeLock(file, me, program)).rejects.toThrow('ENOENT');
    expect(await openFiles()).not.toContain(`${file} (deleted)`);
  });
});

/** What this process has open. */
async function openFiles(): Promise<string[]> {
  const descriptors = await readdir('/proc/self/fd');
  return Promise.all(descriptors.map((name) => readlink(`/proc/self/fd/${name}`).catch(() => '')));
}

describe('a file system is refused', () => {
  test.each([
    ['whose locks keep nobody out', 'true', 'two processes got the same lock'],
    ['that has no locks', path.join(import.meta.dirname, 'no-such-program'), 'ENOENT'],
  ])('%s', async (_name, program, why) => {
    const attempt = await takeLock(file, me, program);
    expect(attempt).toMatchObject({ kind: 'Unsupported', failure: { reason: 'VolumeWithoutLocks' } });
    if (attempt.kind === 'Unsupported') expect(attempt.failure.message).toContain(why);
  });
});

describe('a machine whose volume', () => {
  test('another process has waits, names it, and goes on when that is killed', async () => {
    await using bench = await DiskWorkbench.create();
    await makeDisk(bench.builtinPath, 1);
    await bench.plan({});
    const program = path.join(import.meta.dirname, 'preparing.ts');
    const child = spawn(process.execPath, [program, bench.root, 'other-7'], { stdio: ['ignore', 'pipe', 'inherit'] });
    await once(child.stdout, 'data');
    const opening = openDisk(bench.options());
    await until(() => bench.report.current.reason === 'VolumeInUse');
    expect(bench.report.current.phase).toBe('DiskFailed');
    expect(bench.report.current.message).toMatch(
      /^pod games\/other-7 \(uid-of-other-7\), since .* uses this volume\. /,
    );
    // What lies on the volume is told by who has it.
    await until(async () => (await keptReport(bench)).phase === 'DiskReady');
    expect(await keptReport(bench)).toMatchObject({ podUid: 'uid-of-other-7' });
    child.kill('SIGKILL');
    await once(child, 'exit');
    const disk = await opening;
    await disk?.close();
    expect(bench.report.current.phase).toBe('DiskReady');
    expect(await keptReport(bench)).toMatchObject({ podUid: 'uid-1', phase: 'DiskReady' });
  });

  test('has no working locks never gets a disk', async () => {
    await using bench = await DiskWorkbench.create();
    await makeDisk(bench.builtinPath, 1);
    await bench.plan({});
    // As on a file system whose flock(2) says yes to everybody.
    const folder = path.join(bench.root, 'bin');
    await mkdir(folder);
    await symlink('/bin/true', path.join(folder, 'flock'));
    vi.stubEnv('PATH', `${folder}:${process.env['PATH']}`);
    onTestFinished(() => {
      vi.unstubAllEnvs();
    });
    const opening = openDisk(bench.options());
    await until(() => bench.report.current.reason === 'VolumeWithoutLocks');
    expect(bench.report.current.phase).toBe('DiskFailed');
    expect(bench.report.current.message).toContain('Use a storage class');
    bench.stop.abort();
    expect(await opening).toBeNull();
    expect(await readdir(bench.paths.images)).toEqual(['.loco']);
    expect(await readdir(bench.volume.folder)).toEqual(['lock']);
  });
});

async function keptReport(bench: DiskWorkbench): Promise<AgentReport> {
  return agentReportSchema.parse(JSON.parse(await readFile(bench.volume.report, 'utf8')));
}
