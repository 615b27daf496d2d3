import { z } from 'zod';

/** What is shown of Emulators' conditions: bounded in number, however many Emulators there are. */
export interface ConditionCount {
  readonly labels: { readonly condition: string; readonly status: string; readonly reason: string };
  readonly value: number;
}

const statusSchema = z.object({
  conditions: z.array(z.object({ type: z.string(), status: z.string(), reason: z.string() })),
});

/** How many Emulators have each of the conditions, by their status and reason. */
export function countConditions(emulators: Iterable<{ readonly status?: unknown }>): ConditionCount[] {
  const counts = new Map<string, ConditionCount>();
  for (const { status } of emulators) {
    // Without: nobody has looked at it yet.
    const parsed = statusSchema.safeParse(status);
    for (const { type: condition, status: value, reason } of parsed.success ? parsed.data.conditions : []) {
      const key = `${condition} ${value} ${reason}`;
      const before = counts.get(key)?.value ?? 0;
      counts.set(key, { labels: { condition, status: value, reason }, value: before + 1 });
    }
  }
  return [...counts.values()];
}
