import type { ValidationRule } from '../../../src/api/rule.ts';
import type { Trial } from './trial.ts';

/** What proves one rule: manifests that break it, and manifests at its edge that don't. */
export interface RuleCase {
  /** The schema that carries the rule, such as `spec.machine`. */
  readonly path: string;
  /** How the rule's sentence begins; no two rules at one place begin alike. */
  readonly says: string;
  readonly refused: readonly Trial[];
  readonly allowed: readonly Trial[];
}

/** What proves a rule about the form of a value, wherever it stands. */
export interface FormCase {
  readonly says: string;
  readonly refused: readonly (string | number)[];
  readonly allowed: readonly (string | number)[];
}

/** The case of a rule; undefined where there is none, an error where there are several. */
export function caseFor<Case extends { readonly says: string; readonly path?: string }>(
  cases: readonly Case[],
  path: string,
  rule: ValidationRule,
): Case | undefined {
  const fitting = cases.filter((one) => (one.path ?? path) === path && rule.message.startsWith(one.says));
  if (fitting.length > 1) throw new Error(`${fitting.length} cases are for ${path}: ${rule.message}`);
  return fitting[0];
}
