import { readFile } from 'node:fs/promises';
import { availableParallelism, cpus, loadavg, release, totalmem } from 'node:os';
import { execa } from 'execa';

/** What the figures depend on: processor, its instructions for SHA-256, memory, kernel, file system, and the load. */
export async function thisMachine(folder: string): Promise<string> {
  const processor = `${availableParallelism()} x ${cpus()[0]?.model ?? 'unknown processor'}`;
  const sha = (await hasShaInstructions()) ? 'with' : 'without';
  const memory = `${Math.round(totalmem() / 1024 ** 3)} GiB`;
  const { stdout: fileSystem } = await execa('findmnt', ['--noheadings', '--output', 'FSTYPE', '--target', folder]);
  const kernel = release().split('.').slice(0, 2).join('.');
  const load = loadavg()[0]?.toFixed(1) ?? '?';
  return `${processor} (${sha} SHA extensions), ${memory}, Linux ${kernel}, ${fileSystem}, Node ${process.versions.node}, load ${load} at the start`;
}

/** x86 says `sha_ni`, ARM says `sha2`. */
async function hasShaInstructions(): Promise<boolean> {
  return /^(?:flags|Features)\s*:.*\b(?:sha_ni|sha2)\b/m.test(await readFile('/proc/cpuinfo', 'utf8'));
}
