import { readdir, readFile, readlink } from 'node:fs/promises';
import { join } from 'node:path';

/** A process of this machine, as `/proc` tells it. */
export interface Process {
  readonly pid: number;
  readonly command: readonly string[];
  /** Its numbers from the outermost process namespace inwards; the last is what it has for its own. */
  readonly numbers: readonly number[];
  /** Identity of its process namespace; empty once it has begun to end. */
  readonly namespace: string;
}

/** The numbers on the `NSpid:` line of `/proc/PID/status`. */
export function namespaceNumbers(status: string): readonly number[] {
  const line = /^NSpid:\s*(.*)$/m.exec(status)?.[1] ?? '';
  return line.split(/\s+/).filter(Boolean).map(Number);
}

async function read(pid: number): Promise<Process | undefined> {
  const folder = join('/proc', String(pid));
  try {
    const [command, status] = await Promise.all([
      readFile(join(folder, 'cmdline'), 'utf8'),
      readFile(join(folder, 'status'), 'utf8'),
    ]);
    const namespace = await readlink(join(folder, 'ns', 'pid')).catch(() => '');
    return { pid, command: command.split('\0').slice(0, -1), numbers: namespaceNumbers(status), namespace };
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    // It ended while it was looked at.
    if (code === 'ENOENT' || code === 'ESRCH') return undefined;
    throw error;
  }
}

/** Every process that can be seen from here. */
export async function listProcesses(): Promise<readonly Process[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name)).map(Number);
  const processes = await Promise.all(pids.map(read));
  return processes.filter((process) => process !== undefined);
}

/** Sends a signal; false when the process is gone already. */
export function signal(pid: number, name: NodeJS.Signals): boolean {
  try {
    process.kill(pid, name);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false;
    throw error;
  }
}

/** Whether the process is gone, or is only kept for its parent to hear of its end. */
export async function hasEnded(pid: number): Promise<boolean> {
  try {
    const status = await readFile(join('/proc', String(pid), 'status'), 'utf8');
    return /^State:\s+[ZX]/m.test(status);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ESRCH') return true;
    throw error;
  }
}
