import { setTimeout as sleep } from 'node:timers/promises';
import { type Counts, countKinds } from './counts.ts';
import type { RunningOperator } from './running-operator.ts';

/** What an operator costs that has nothing to do. */
export interface Idle {
  readonly seconds: number;
  readonly counts: Counts;
  readonly cpuMs: number;
  readonly residentBytes: number;
}

const SECONDS = 60;

export async function measureIdle(operator: RunningOperator): Promise<Idle> {
  await operator.requestsUntilQuiet();
  const cpuBefore = await operator.cpuMs();
  await sleep(SECONDS * 1000);
  const counts = countKinds(await operator.requests());
  const cpuMs = (await operator.cpuMs()) - cpuBefore;
  return { seconds: SECONDS, counts, cpuMs, residentBytes: (await operator.memory()).now };
}
