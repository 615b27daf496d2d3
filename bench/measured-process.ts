import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { execa } from 'execa';

/** What a process cost. */
export interface Cost {
  readonly seconds: number;
  /** Bytes that it and the processes it started sent to disks, as /proc/PID/io counts them. */
  readonly writtenBytes: number;
}

/** A process's own count has that of every child it waited for; this shell outlives the command and reads its own. */
const SCRIPT = 'facts=$1; shift; "$@"; status=$?; cat "/proc/$$/io" >"$facts"; exit $status';

export interface ProcessOptions {
  /** For the facts about the process. */
  readonly folder: string;
  /** The whole environment, when it isn't ours. */
  readonly environment?: Readonly<Record<string, string>>;
}

/**
 * Runs a command and measures it.
 * @throws when it fails
 */
export async function measure(command: readonly string[], { folder, environment }: ProcessOptions): Promise<Cost> {
  const facts = path.join(folder, 'process-io');
  const started = performance.now();
  await execa('sh', ['-c', SCRIPT, 'sh', facts, ...command], {
    ...(environment === undefined ? {} : { env: environment, extendEnv: false }),
  });
  const seconds = (performance.now() - started) / 1000;
  return { seconds, writtenBytes: countOf('write_bytes', await readFile(facts, 'utf8')) };
}

/** The number behind a name in one of the kernel's files about a process. */
export function countOf(name: string, text: string): number {
  const found = new RegExp(`^${name}:\\s*(\\d+)`, 'm').exec(text)?.[1];
  if (found === undefined) throw new Error(`no ${name} in: ${text}`);
  return Number(found);
}
