import { readFile } from 'node:fs/promises';

/** The kernel counts processor time in hundredths of a second, on every machine that Node runs on. */
const TICK_MS = 10;

/** Milliseconds of processor time, user's and system's, of a process with all its threads: `/proc/PID/stat`. */
export function cpuMsOf(stat: string): number {
  // Its name, in parentheses, may contain anything.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const [user, system] = [fields[11], fields[12]];
  if (user === undefined || system === undefined) throw new Error(`no times in: ${stat}`);
  return (Number(user) + Number(system)) * TICK_MS;
}

export async function readCpuMs(pid: number): Promise<number> {
  return cpuMsOf(await readFile(`/proc/${pid}/stat`, 'utf8'));
}

/** Bytes behind a name (`VmRSS`, `VmHWM`) in `/proc/PID/status`. */
export function statusBytes(name: 'VmRSS' | 'VmHWM', status: string): number {
  const kibibytes = new RegExp(`^${name}:\\s*(\\d+) kB`, 'm').exec(status)?.[1];
  if (kibibytes === undefined) throw new Error(`no ${name} in: ${status.slice(0, 200)}`);
  return Number(kibibytes) * 1024;
}

/** Resident memory of a process now and at most so far, in bytes. */
export async function readMemory(pid: number): Promise<{ readonly now: number; readonly peak: number }> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  return { now: statusBytes('VmRSS', status), peak: statusBytes('VmHWM', status) };
}
