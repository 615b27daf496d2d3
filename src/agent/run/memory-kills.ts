import { readFile } from 'node:fs/promises';

/** Where a container sees its own memory cgroup: version 2, then version 1. */
export const MEMORY_KILL_COUNTERS: readonly string[] = [
  '/sys/fs/cgroup/memory.events',
  '/sys/fs/cgroup/memory/memory.oom_control',
];

/**
 * How many processes the kernel has killed for this container's memory limit, from the line `oom_kill N` of the first
 * of these files that has one; undefined where none has (Linux: admin-guide/cgroup-v2, cgroup-v1/memory).
 */
export async function countMemoryKills(files: readonly string[]): Promise<number | undefined> {
  for (const file of files) {
    const count = parseMemoryKills(await textOf(file));
    if (count !== undefined) return count;
  }
  return undefined;
}

/** The number behind `oom_kill`, which isn't the one behind `oom_kill_disable` or `oom_group_kill`. */
function parseMemoryKills(text: string): number | undefined {
  const count = /^oom_kill (\d+)$/m.exec(text)?.[1];
  return count === undefined ? undefined : Number(count);
}

async function textOf(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch {
    // The other version of cgroups, or none.
    return '';
  }
}
