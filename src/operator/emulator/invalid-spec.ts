import type { EmulatorStatus } from '../../api/emulator/schema.ts';
import { CONDITIONS, REASONS } from './reasons.ts';
import { timed } from './status.ts';

/** The status of a resource that can't be understood: what was known stays, and the conditions say why nothing goes on. */
export function invalidSpecStatus(
  before: EmulatorStatus,
  generation: number | undefined,
  message: string,
  now: Date,
): EmulatorStatus {
  const reason = REASONS.InvalidSpec;
  const states = [
    { type: CONDITIONS.Ready, status: 'False', reason, message },
    { type: CONDITIONS.Reconciling, status: 'False', reason, message },
    { type: CONDITIONS.Stalled, status: 'True', reason, message },
  ] as const;
  const others = (before.conditions ?? []).filter(({ type }) => !states.some((state) => state.type === type));
  const conditions = [...timed(states, before.conditions ?? [], generation, now), ...others];
  return { ...before, ...(generation === undefined ? {} : { observedGeneration: generation }), conditions };
}
