import { z } from 'zod';
import { conditionSchema, type EmulatorStatus, emulatorStatusSchema } from '../../api/emulator/schema.ts';
import { CONDITIONS, REASONS } from './reasons.ts';
import { timed } from './status.ts';

/** The status of a resource that can't be understood: what was known stays, and the conditions say why nothing goes on. */
export function invalidSpecStatus(
  stored: unknown,
  generation: number | undefined,
  message: string,
  now: Date,
): EmulatorStatus {
  const before = knownStatus(stored);
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

const looseStatusSchema = z.object({ conditions: z.array(z.unknown()) });

/**
 * What can be understood of a status that another release wrote. The conditions each by itself: without their times a
 * pass would make up new ones, store them, and that would be the reason for the next pass.
 */
function knownStatus(stored: unknown): EmulatorStatus {
  const whole = emulatorStatusSchema.safeParse(stored);
  if (whole.success) return whole.data;
  const conditions = looseStatusSchema.safeParse(stored).data?.conditions ?? [];
  return { conditions: conditions.flatMap((condition) => conditionSchema.safeParse(condition).data ?? []) };
}
