import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { countMemoryKills } from './memory-kills.ts';

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'loco-memory-'));
});

afterEach(() => rm(folder, { recursive: true }));

async function counted(content: string): Promise<number | undefined> {
  const file = path.join(folder, 'counter');
  await writeFile(file, content);
  return countMemoryKills([path.join(folder, 'missing'), file]);
}

describe('processes killed for the memory limit are counted', () => {
  it('from cgroup v2', async () => {
    expect(await counted('low 0\nhigh 0\nmax 9\noom 4\noom_kill 3\noom_group_kill 7\n')).toBe(3);
  });

  it('from cgroup v1', async () => {
    expect(await counted('oom_kill_disable 0\nunder_oom 1\noom_kill 2\n')).toBe(2);
  });

  it('nowhere without such a file, or by an old kernel', async () => {
    expect(await counted('oom_kill_disable 0\nunder_oom 0\n')).toBeUndefined();
    expect(await countMemoryKills([])).toBeUndefined();
  });
});
