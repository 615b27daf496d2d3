import { z } from 'zod';

/** A label selector as the API has it; a field that it doesn't have is an error. */
export const selectorSchema = z.strictObject({
  matchLabels: z.record(z.string(), z.string()).default({}),
  matchExpressions: z
    .array(
      z.strictObject({
        key: z.string(),
        operator: z.enum(['In', 'NotIn', 'Exists', 'DoesNotExist']),
        values: z.array(z.string()).default([]),
      }),
    )
    .default([]),
});

export type Selector = z.infer<typeof selectorSchema>;
export type Labels = Readonly<Record<string, string>>;

/** Does the selector select what has these labels? An empty one selects everything. */
export function selects({ matchLabels, matchExpressions }: Selector, labels: Labels): boolean {
  const isEqual = ([key, value]: [string, string]): boolean => labels[key] === value;
  return Object.entries(matchLabels).every(isEqual) && matchExpressions.every((one) => meets(one, labels));
}

function meets({ key, operator, values }: Selector['matchExpressions'][number], labels: Labels): boolean {
  const value = labels[key];
  const isListed = value !== undefined && values.includes(value);
  switch (operator) {
    case 'In':
      return isListed;
    // What lacks the label isn't in the list either.
    case 'NotIn':
      return !isListed;
    case 'Exists':
      return value !== undefined;
    case 'DoesNotExist':
      return value === undefined;
  }
}
