/** Kubernetes quantities as the Emulator's schema admits them: a decimal number with an optional suffix. */

const MULTIPLIERS = new Map<string, number>([
  ['', 1],
  ['k', 1e3],
  ['M', 1e6],
  ['G', 1e9],
  ['T', 1e12],
  ['Ki', 2 ** 10],
  ['Mi', 2 ** 20],
  ['Gi', 2 ** 30],
  ['Ti', 2 ** 40],
]);

export const MIB = 2 ** 20;

/** Bytes of a quantity, rounded up; undefined for a text that is none. */
export function parseQuantity(text: string): number | undefined {
  const match = /^([0-9]+(?:\.[0-9]+)?)([A-Za-z]*)$/.exec(text);
  const multiplier = MULTIPLIERS.get(match?.[2] ?? '');
  if (match === null || multiplier === undefined) return undefined;
  return Math.ceil(Number(match[1]) * multiplier);
}

/** The shortest exact quantity in binary units; what the API server would store, so that comparing works. */
export function formatBytes(bytes: number): string {
  for (const suffix of ['Ti', 'Gi', 'Mi', 'Ki']) {
    const unit = MULTIPLIERS.get(suffix) ?? 1;
    if (bytes !== 0 && bytes % unit === 0) return `${bytes / unit}${suffix}`;
  }
  return String(bytes);
}
