import { z } from 'zod';
import { matchesRule, rules, type ValidationRule } from './rule.ts';

/** Building blocks of fields that several parts of the API share. */

interface TextOptions {
  readonly description: string;
  /** The longest text, in characters. CEL needs it to know what a rule may cost. */
  readonly max: number;
  readonly pattern: RegExp;
  /** What a person reads when the pattern doesn't match. */
  readonly message: string;
  readonly rules?: readonly ValidationRule[];
}

/**
 * A text of a given form. zod gets the pattern, the CRD gets the same pattern as a rule with a sentence: the API
 * server reports a bare pattern as a regular expression, which tells nobody what to write.
 */
export function textOf({ description, max, pattern, message, rules: more = [] }: TextOptions) {
  return z
    .string()
    .max(max)
    .regex(pattern, message)
    .meta({ description, ...rules({ rule: matchesRule(pattern), message }, ...more) });
}

const LABEL = '[a-z0-9]([-a-z0-9]*[a-z0-9])?';
const SUBDOMAIN = `${LABEL}(\\.${LABEL})*`;

const nameAdvice = 'use lower case letters, digits, - and ., beginning and ending with a letter or digit';

/** The name of another object. */
export function objectName(description: string, what: string) {
  return textOf({
    description,
    max: 253,
    pattern: new RegExp(`^${SUBDOMAIN}$`),
    message: `must be the name of ${what}: ${nameAdvice}`,
  });
}

/** The name of another object, or empty for none. */
export function optionalObjectName(description: string, what: string) {
  return textOf({
    description,
    max: 253,
    pattern: new RegExp(`^(${SUBDOMAIN})?$`),
    message: `must be empty or the name of ${what}: ${nameAdvice}`,
  });
}

/** A name that becomes part of other names: one DNS label. */
export function labelName(description: string, what: string, ...more: readonly ValidationRule[]) {
  return textOf({
    description,
    max: 63,
    pattern: new RegExp(`^${LABEL}$`),
    message: `must be ${what}: use lower case letters, digits and -, beginning and ending with a letter or digit`,
    rules: more,
  });
}

/** A key of a Secret or ConfigMap. */
export function dataKey(description: string) {
  return textOf({
    description,
    max: 253,
    pattern: /^[-._a-zA-Z0-9]+$/,
    message: 'must be a key of a Secret or ConfigMap: use letters, digits, -, _ and .',
  });
}

const LABEL_VALUE = '^([A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)?$';

/** What a label may be set to. */
export const labelValue = z
  .string()
  .max(63)
  .meta({
    ...rules({
      rule: `self.matches('${LABEL_VALUE}')`,
      message:
        "must be a label's value: use letters, digits, -, _ and ., beginning and ending with a letter or digit, or nothing",
    }),
  });

const QUANTITY = /^[0-9]+(\.[0-9]+)?(Ki|Mi|Gi|Ti|k|M|G|T)?$/;

/** An amount of bytes between two bounds, such as `4Gi`. */
export function bytes(options: {
  readonly description: string;
  readonly example: string;
  readonly least: { readonly amount: string; readonly message: string };
  readonly most?: { readonly amount: string; readonly message: string };
}) {
  const { description, example, least, most } = options;
  return textOf({
    description,
    max: 32,
    pattern: QUANTITY,
    message: `must be a number of bytes with a unit (Ki, Mi, Gi, Ti, k, M, G or T), for example "${example}"`,
    rules: [
      { rule: compareQuantity('self', '>=', `'${least.amount}'`), message: least.message },
      ...(most === undefined
        ? []
        : [{ rule: compareQuantity('self', '<=', `'${most.amount}'`), message: most.message }]),
    ],
  });
}

/** The CEL comparison of two quantities; it holds for texts that are none, which another rule reports. */
export function compareQuantity(left: string, operator: '>=' | '<=' | '==', right: string): string {
  const guards = [left, right].filter((side) => !side.startsWith("'")).map((side) => `!isQuantity(${side})`);
  return [...guards, `quantity(${left}).compareTo(quantity(${right})) ${operator} 0`].join(' || ');
}
