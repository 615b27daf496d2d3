/** The text, or what fits of it into so many characters (UTF-16 units), with `…` for the rest. */
export function shorten(text: string, limit: number): string {
  if (text.length <= limit) return text;
  // Not in the middle of a pair, half of which is no character.
  return `${text.slice(0, limit - 1).replace(/[\uD800-\uDBFF]$/, '')}…`;
}
