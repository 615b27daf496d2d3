import { removeLease } from './cold-start.ts';
import { type Counts, countKinds, countRequests, kindOf } from './counts.ts';
import type { Ground } from './ground.ts';
import { RunningOperator } from './running-operator.ts';
import type { OperatorProgram } from './subject.ts';

/** What a start costs where all resources are Ready. */
export interface Restart {
  readonly counts: Counts;
  readonly requests: readonly (readonly [string, number])[];
  /** From the start of the process to the answer of its last request, those for its Lease aside. */
  readonly seconds: number;
  readonly cpuMs: number;
  readonly peakBytes: number;
}

/** Starts the operator anew; the caller has ended the one before, and stops this one. */
export async function measureRestart(
  ground: Ground,
  program: OperatorProgram,
): Promise<{ readonly restart: Restart; readonly operator: RunningOperator }> {
  await removeLease(ground, program);
  const operator = await RunningOperator.start(ground, program);
  const entries = await operator.requestsUntilQuiet();
  const { startedAt } = operator.process;
  // A watch is answered when it ends.
  const others = entries.filter((entry) => !['leases', 'watches'].includes(kindOf(entry)));
  const last = Math.max(startedAt, ...others.map(({ answeredAt }) => answeredAt));
  const restart: Restart = {
    counts: countKinds(entries),
    requests: countRequests(entries),
    seconds: (last - startedAt) / 1000,
    cpuMs: await operator.cpuMs(),
    peakBytes: (await operator.memory()).peak,
  };
  return { restart, operator };
}
