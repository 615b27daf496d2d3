import type { Intended } from './converged.ts';
import type { Variants } from './orphans.ts';
import type { Plan } from './plan.ts';

/** How each Emulator that ever was is meant. */
export function variantsOf({ actions }: Pick<Plan, 'actions'>): Variants {
  return new Map(
    actions.flatMap(({ what }) => (what.kind === 'Create' ? [[what.wanted.name, what.wanted.variant] as const] : [])),
  );
}

/** What the user has at the end of a plan. */
export function intendedBy({ actions }: Pick<Plan, 'actions'>): Intended {
  const intended = new Map(variantsOf({ actions }));
  for (const { what } of actions) if (what.kind === 'Delete') intended.delete(what.name);
  return new Map([...intended].map(([name, variant]) => [name, { variant }]));
}
