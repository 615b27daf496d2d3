import { readFile, rm } from 'node:fs/promises';
import { z } from 'zod';
import type { Clock } from '../environment.ts';
import { endsWithLastWords, hasLastWords, isPowerOffPicture } from './power-off-screen.ts';
import type { QmpClient } from './qmp.ts';
import { processorState } from './registers.ts';
import {
  ALL_TEXT_MEMORY_COMMAND,
  isUnmapped,
  readPicture,
  TEXT_CELL_COMMANDS,
  TEXT_MEMORY_COMMAND,
  textLines,
} from './screen.ts';

export interface PowerOffWatchOptions {
  readonly qmp: QmpClient;
  /** Where QEMU may write a picture for a moment; nobody else's. */
  readonly screendumpFile: string;
  readonly clock: Clock;
  /** Whether the guest is to go: then it is looked at more often. */
  readonly isStopping: () => boolean;
}

const LOOK_MILLISECONDS = { running: 5000, stopping: 1000 } as const;

/** So long the guest's disks must have had nothing to do. */
const IDLE_NANOSECONDS = 5e9;

/** The processor of a guest that works is halted at one look or another, but not at one after the other. */
const LOOKS_IN_A_ROW = 2;

const idleSchema = z.array(z.object({ stats: z.object({ idle_time_ns: z.number().optional() }) }));

/**
 * Waits for the end of a guest that can't switch the machine off by itself: its screen says so, its processor is
 * halted, and its disks have been idle for 5 s, at two looks in a row.
 * @returns true, or false when `until` aborts first
 */
export async function untilSafeToPowerOff(options: PowerOffWatchOptions, until: AbortSignal): Promise<boolean> {
  let seen = 0;
  while (!until.aborted) {
    seen = (await isSafeToPowerOff(options)) ? seen + 1 : 0;
    if (seen >= LOOKS_IN_A_ROW) {
      return true;
    }
    const often = options.isStopping() || seen > 0;
    await options.clock.sleep(often ? LOOK_MILLISECONDS.stopping : LOOK_MILLISECONDS.running, until);
  }
  return false;
}

/** The cheap questions first: a guest in use answers no to one of them. */
async function isSafeToPowerOff({ qmp, screendumpFile }: PowerOffWatchOptions): Promise<boolean> {
  const registers = await qmp.humanMonitor('info registers');
  const processor = registers.ok ? processorState(registers.value) : 'Working';
  if (processor === 'Working' || !(await drivesAreIdle(qmp))) {
    return false;
  }
  const isDead = processor === 'Dead';
  const printed = await qmp.humanMonitor(isDead ? ALL_TEXT_MEMORY_COMMAND : TEXT_MEMORY_COMMAND);
  const lines = printed.ok ? textLines(printed.value) : [];
  if (isDead ? hasLastWords(lines) : endsWithLastWords(lines)) {
    return true;
  }
  // A text screen may have any colours, and the size of the picture.
  return (await isWithoutText(qmp)) && showsPowerOffPicture(qmp, screendumpFile);
}

/** The mode of the picture, 320x400 in 256 colours, leaves no memory to text. */
async function isWithoutText(qmp: QmpClient): Promise<boolean> {
  for (const command of TEXT_CELL_COMMANDS) {
    const printed = await qmp.humanMonitor(command);
    if (!printed.ok || !isUnmapped(printed.value)) return false;
  }
  return true;
}

/** Drives that were never used, such as an empty CD-ROM, say nothing. */
async function drivesAreIdle(qmp: QmpClient): Promise<boolean> {
  const drives = await qmp.execute('query-blockstats', idleSchema);
  const idle = drives.ok ? drives.value.flatMap(({ stats }) => stats.idle_time_ns ?? []) : [];
  return idle.length > 0 && idle.every((nanoseconds) => nanoseconds >= IDLE_NANOSECONDS);
}

async function showsPowerOffPicture(qmp: QmpClient, filename: string): Promise<boolean> {
  const dumped = await qmp.execute('screendump', z.unknown(), { arguments: { filename } });
  if (!dumped.ok) {
    return false;
  }
  try {
    const picture = readPicture(await readFile(filename));
    await rm(filename, { force: true });
    return picture.ok && isPowerOffPicture(picture.value);
  } catch {
    // No room for the picture, say: then nothing is known, and it is looked at again.
    return false;
  }
}
