/** One line of the result: what was measured in turn with what, pair by pair. */
export interface Comparison {
  readonly what: string;
  readonly peer: string;
  readonly mebibytes: number;
  /** Seconds, in the order of measuring; the n-th of both were measured one after the other. */
  readonly ours: readonly number[];
  readonly theirs: readonly number[];
  readonly peakMemoryBytes?: number;
  readonly writtenBytes?: number;
}

const MEBIBYTE = 1024 ** 2;

const COLUMNS = ['', 'against', 'disk', 'seconds', 'of the other', 'ratio', "agent's peak", 'written'] as const;

/**
 * A Markdown table, each figure as minimum, median and maximum. Ratios are taken pair by pair, which holds when the
 * machine's speed drifts.
 */
export function tableOf(comparisons: readonly Comparison[]): string {
  const rows = comparisons.map(rowOf);
  const widths = COLUMNS.map((title, column) =>
    Math.max(title.length, ...rows.map((cells) => cells[column]?.length ?? 0)),
  );
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(' | ')} |`;
  const rule = `| ${widths.map((width) => '-'.repeat(width)).join(' | ')} |`;
  return [line(COLUMNS), rule, ...rows.map(line)].join('\n');
}

function rowOf({ what, peer, mebibytes, ours, theirs, peakMemoryBytes, writtenBytes }: Comparison): readonly string[] {
  const ratios = ours.map((seconds, index) => seconds / (theirs[index] ?? Number.NaN));
  return [
    what,
    peer,
    `${mebibytes} MiB`,
    spread(ours),
    spread(theirs),
    `${spread(ratios)} x`,
    peakMemoryBytes === undefined ? '' : `${Math.round(peakMemoryBytes / 1e6)} MB`,
    writtenBytes === undefined ? '' : `${Math.round(writtenBytes / MEBIBYTE)} MiB`,
  ];
}

function spread(values: readonly number[]): string {
  const sorted = [...values].sort((left, right) => left - right);
  const middle = sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
  return [sorted[0] ?? Number.NaN, middle, sorted.at(-1) ?? Number.NaN].map((value) => value.toFixed(2)).join(' ');
}

/** Measures in turn, so that both see the same machine: ours, theirs, ours, theirs. */
export async function inTurn<Ours, Theirs>(
  pairs: number,
  ours: () => Promise<Ours>,
  theirs: () => Promise<Theirs>,
): Promise<{ readonly ours: readonly Ours[]; readonly theirs: readonly Theirs[] }> {
  const measured = { ours: [] as Ours[], theirs: [] as Theirs[] };
  for (let pair = 0; pair < pairs; pair += 1) {
    measured.ours.push(await ours());
    measured.theirs.push(await theirs());
  }
  return measured;
}
