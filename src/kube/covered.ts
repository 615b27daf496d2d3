/** True when each field of `desired` stands in `actual` with the same value; what else is there doesn't matter. */
export function isCovered(desired: unknown, actual: unknown): boolean {
  if (desired === undefined) return true;
  if (Array.isArray(desired)) return Array.isArray(actual) ? isListCovered(desired, actual) : desired.length === 0;
  if (isRecord(desired)) {
    if (!isRecord(actual)) return Object.keys(desired).length === 0 && actual === undefined;
    return Object.entries(desired).every(([key, value]) => isCovered(value, actual[key]));
  }
  return desired === actual || sameQuantity(desired, actual);
}

/** Lists of named things may have others' entries among ours (server-side apply merges them); plain lists may not. */
function isListCovered(desired: readonly unknown[], actual: readonly unknown[]): boolean {
  const names = desired.map((item) => (isRecord(item) && typeof item['name'] === 'string' ? item['name'] : undefined));
  if (names.includes(undefined)) {
    return desired.length === actual.length && desired.every((item, index) => isCovered(item, actual[index]));
  }
  const byName = new Map(actual.filter(isRecord).map((item) => [item['name'], item]));
  return desired.every((item, index) => isCovered(item, byName.get(names[index])));
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

const QUANTITY = /^([0-9]+(?:\.[0-9]+)?)(m|k|M|G|T|P|E|Ki|Mi|Gi|Ti|Pi|Ei)?$/;
const EXPONENTS: Readonly<Record<string, number>> = { m: -1, k: 1, M: 2, G: 3, T: 4, P: 5, E: 6 };

/** The API server stores quantities in its own form: `0.5` as `500m`, `1024Mi` as `1Gi`. */
function sameQuantity(left: unknown, right: unknown): boolean {
  const value = (text: unknown): number | undefined => {
    const match = typeof text === 'string' ? QUANTITY.exec(text) : null;
    if (match === null) return undefined;
    const [, number, suffix = ''] = match;
    const exponent = EXPONENTS[suffix.charAt(0) === 'K' ? 'k' : suffix.charAt(0)] ?? 0;
    return Number(number) * (suffix.endsWith('i') ? 1024 : 1000) ** exponent;
  };
  const known = value(left);
  return known !== undefined && known === value(right);
}
