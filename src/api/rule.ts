/** Where the API server reports a broken rule, and how it titles it. */
type RuleReason = 'FieldValueInvalid' | 'FieldValueForbidden' | 'FieldValueRequired';

/** One entry of `x-kubernetes-validations`: a CEL expression that must hold, and the sentence for a person if not. */
export interface ValidationRule {
  readonly rule: string;
  /** What is wrong and what to change; names fields as seen from `spec`. */
  readonly message: string;
  /** JSON path, seen from the schema that carries the rule, of the field to change. */
  readonly fieldPath?: string;
  readonly reason?: RuleReason;
}

/** The metadata by which a zod schema carries rules into the CRD. zod itself doesn't evaluate them. */
export function rules(...list: readonly ValidationRule[]): { 'x-kubernetes-validations': ValidationRule[] } {
  return { 'x-kubernetes-validations': [...list] };
}

/** The CEL expression for "the text matches"; RE2 knows no lookahead and no backreferences. */
export function matchesRule(pattern: RegExp): string {
  return `self.matches(${celText(pattern)})`;
}

/** A pattern as a CEL string literal. */
export function celText(pattern: RegExp): string {
  return JSON.stringify(pattern.source.replaceAll('\\/', '/'));
}
