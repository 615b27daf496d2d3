/** Two measurements that were made one after the other, in seconds. */
export interface Pair {
  readonly ours: number;
  readonly peer: number;
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((left, right) => left - right);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}

function row(name: string, values: readonly number[], unit: string): string {
  const [least, middle, most] = [Math.min(...values), median(values), Math.max(...values)];
  return `${name.padEnd(28)}${[least, middle, most].map((value) => value.toFixed(2).padStart(8)).join('')}  ${unit}`;
}

/** Minimum, median and maximum of both, and of their ratio pair by pair, which holds when the machine's speed drifts. */
export function summary(ours: string, peer: string, pairs: readonly Pair[]): string {
  return [
    `${''.padEnd(28)}${['min', 'median', 'max'].map((title) => title.padStart(8)).join('')}`,
    row(
      ours,
      pairs.map((pair) => pair.ours),
      's',
    ),
    row(
      peer,
      pairs.map((pair) => pair.peer),
      's',
    ),
    row(
      'ratio',
      pairs.map((pair) => pair.ours / pair.peer),
      'x',
    ),
  ].join('\n');
}
