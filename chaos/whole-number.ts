import { UserError } from '../scripts/console.ts';

/** The value of an option, from 0. */
export function wholeNumber(name: string, text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 0) throw new UserError(`--${name} takes a whole number, not "${text}"`);
  return value;
}
