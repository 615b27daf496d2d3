import type { WorkConditions } from './work-gate.ts';

/** What readiness is computed from. */
export interface ReadinessFacts {
  /** Kinds whose caches don't hold all there is yet. */
  readonly unfilled: readonly string[];
  readonly conditions: WorkConditions;
  /** It was told to end. */
  readonly ending: boolean;
}

/**
 * What keeps this process from being ready; undefined when it is. One that stands by is ready when its caches are
 * filled: it can take over at once. One that leads is ready when its workers run.
 */
export function notReady({ unfilled, conditions, ending }: ReadinessFacts): string | undefined {
  if (ending) return 'ending';
  if (unfilled.length > 0) return `waiting for ${unfilled.join(', ')}`;
  const { leading, renewed, synced } = conditions;
  if (!leading) return undefined;
  if (!renewed) return 'leading, and waiting for the lease to be renewed: nothing is written until it is';
  return synced ? undefined : 'leading, and about to begin';
}
