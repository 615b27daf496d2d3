import { setTimeout as sleep } from 'node:timers/promises';
import type { Planned } from './plan.ts';

/**
 * Does what is planned at its time, counted from `startedAt` (as `performance.now()` counts). What shares a lane waits
 * for its turn; resolves when all of it is done.
 */
export async function play<T>(
  planned: readonly Planned<T>[],
  startedAt: number,
  laneOf: (what: T) => string,
  act: (what: T, atMs: number) => Promise<void>,
): Promise<void> {
  const lanes = new Map<string, Promise<void>>();
  for (const { atMs, what } of planned) {
    await sleep(Math.max(0, startedAt + atMs - performance.now()));
    const lane = laneOf(what);
    const next = (lanes.get(lane) ?? Promise.resolve()).then(() => act(what, performance.now() - startedAt));
    // It is waited for below; until then its failure must not count as one that nobody looks at.
    next.catch(() => undefined);
    lanes.set(lane, next);
  }
  await Promise.all(lanes.values());
}
