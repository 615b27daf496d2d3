/** What the kernel counts of a container's memory, in bytes. */
export interface MemoryUse {
  readonly limit: number;
  /** Page cache included, which the kernel takes back when it needs room. */
  readonly used: number;
  /** The most that `used` has been. */
  readonly peak: number;
  /** Memory of processes alone: what can't be taken back without killing one. */
  readonly processes: number;
  /** Processes that the kernel has killed for want of memory. */
  readonly kills: number;
}

/** A shell line that prints what {@link parseMemoryUse} reads, with control groups of version 1 or 2. */
export const PRINT_MEMORY_USE = `cd /sys/fs/cgroup
if test -e memory.current; then
  for file in max current peak; do echo $file $(cat memory.$file); done
  cat memory.stat memory.events
else
  cd memory
  for file in limit_in_bytes usage_in_bytes max_usage_in_bytes; do echo $file $(cat memory.$file); done
  cat memory.stat memory.oom_control
fi`;

/** @throws Error when a number is missing */
export function parseMemoryUse(text: string): MemoryUse {
  const values = new Map([...text.matchAll(/^(\S+) (\S+)$/gm)].map(([, name, value]) => [name, value]));
  const first = (...names: readonly string[]): number => {
    const found = names.map((name) => values.get(name)).find((value) => value !== undefined);
    const number = Number(found);
    if (found === undefined || !Number.isInteger(number)) throw new Error(`no ${names.join(' or ')} in: ${text}`);
    return number;
  };
  return {
    limit: first('limit_in_bytes', 'max'),
    used: first('usage_in_bytes', 'current'),
    peak: first('max_usage_in_bytes', 'peak'),
    processes: first('total_rss', 'anon'),
    kills: first('oom_kill'),
  };
}
