import type { PreparationCost } from './agent.ts';
import type { Comparison } from './pairs.ts';

/** What several preparations of the same disk cost, for a line of the result. */
export function costsOf(
  costs: readonly PreparationCost[],
): Required<Pick<Comparison, 'ours' | 'peakMemoryBytes' | 'writtenBytes'>> {
  return {
    ours: costs.map(({ seconds }) => seconds),
    peakMemoryBytes: Math.max(...costs.map(({ peakMemoryBytes }) => peakMemoryBytes)),
    writtenBytes: Math.max(...costs.map(({ writtenBytes }) => writtenBytes)),
  };
}
