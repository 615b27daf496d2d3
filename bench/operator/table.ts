import { isMet, type Row } from './rows.ts';

const COLUMNS = ['', 'resources', 'floor', 'RabbitMQ', 'ours', 'ours : RabbitMQ', 'ours : floor', 'aim', ''] as const;

/** Two digits that say something, and no more after the point than that. */
export function figure(value: number): string {
  const size = Math.abs(value);
  return value.toFixed(size === 0 || size >= 100 || Number.isInteger(value) ? 0 : size >= 10 ? 1 : 2);
}

function ratio(value: number | undefined, base: number | undefined): string {
  return value === undefined || base === undefined || base === 0 ? '' : `${figure(value / base)} x`;
}

function aimOf({ aim, unit }: Row): string {
  if (aim === undefined) return '';
  if (aim.of !== undefined) return `≤ ${aim.most} x ${aim.of === 'peer' ? 'RabbitMQ' : 'floor'}`;
  return aim.most === 0 ? 'none' : `≤ ${aim.most} ${unit}`.trim();
}

function cellsOf(row: Row): readonly string[] {
  const { what, size, unit, values } = row;
  const value = (number: number | undefined) => (number === undefined ? '' : `${figure(number)} ${unit}`.trim());
  const met = isMet(row);
  return [
    what,
    size === undefined ? '' : String(size),
    value(values.floor),
    value(values.peer),
    value(values.ours),
    ratio(values.ours, values.peer),
    ratio(values.ours, values.floor),
    aimOf(row),
    met === undefined ? '' : met ? 'met' : 'missed',
  ];
}

/** The rows as a Markdown table: who took what, ours in relation to the others, and whether the aim is met. */
export function tableOf(rows: readonly Row[]): string {
  const cells = rows.map(cellsOf);
  const widths = COLUMNS.map((title, column) =>
    Math.max(title.length, ...cells.map((line) => line[column]?.length ?? 0)),
  );
  const line = (texts: readonly string[]) =>
    `| ${texts.map((text, column) => text.padEnd(widths[column] ?? 0)).join(' | ')} |`;
  return [line(COLUMNS), `| ${widths.map((width) => '-'.repeat(width)).join(' | ')} |`, ...cells.map(line)].join('\n');
}
