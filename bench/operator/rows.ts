import { type Counts, writesOf } from './counts.ts';
import type { Creation } from './create.ts';
import type { AllFigures, Figures, Who } from './figures.ts';
import type { Prices } from './prices.ts';

/** One line of the table. */
export interface Row {
  readonly what: string;
  readonly unit: string;
  /** Resources that there were; absent where it doesn't matter. */
  readonly size?: number;
  readonly values: Readonly<Partial<Record<Who, number>>>;
  /** What was aimed at. */
  readonly aim?: Aim;
}

/** An aim: a highest value, or a highest ratio to somebody else's value of the same row. */
export interface Aim {
  readonly most: number;
  readonly of?: Exclude<Who, 'ours'>;
}

/** Whether ours holds the aim; undefined where something wasn't measured. */
export function isMet({ values, aim }: Row): boolean | undefined {
  if (aim === undefined || values.ours === undefined) return undefined;
  const base = aim.of === undefined ? 1 : values[aim.of];
  return base === undefined ? undefined : values.ours <= aim.most * base;
}

const median = (values: readonly number[]): number | undefined =>
  [...values].sort((left, right) => left - right)[Math.floor(values.length / 2)];

/** A row of what a function makes of everybody's figures. */
function row(
  all: AllFigures,
  what: string,
  unit: string,
  value: (figures: Figures) => number | undefined,
  more: { readonly size?: number; readonly aim?: Aim } = {},
): Row {
  const values: Partial<Record<Who, number>> = {};
  for (const [who, figures] of Object.entries(all) as [Who, Figures][]) {
    const found = value(figures);
    if (found !== undefined) values[who] = found;
  }
  return { what, unit, values, ...more };
}

const MEGA = 1e6;

function startRows(all: AllFigures): readonly Row[] {
  const cold = (pick: (start: Figures['coldStarts'][number]) => number) => (figures: Figures) =>
    median(figures.coldStarts.map(pick));
  return [
    row(
      all,
      'start to first write',
      's',
      cold(({ firstWriteSeconds }) => firstWriteSeconds),
      { aim: { most: 0.35 } },
    ),
    row(
      all,
      'memory with little to do',
      'MB',
      cold(({ idleBytes }) => idleBytes / MEGA),
    ),
  ];
}

/** Rows of a number of resources from their creation to their being Ready. */
function creationRows(all: AllFigures, size: number): readonly Row[] {
  const of = (figures: Figures) => figures.creations.find((creation) => creation.size === size);
  const each = (pick: (operator: NonNullable<Creation['operator']>) => number) => (figures: Figures) => {
    const operator = of(figures)?.operator;
    return operator === undefined ? undefined : pick(operator) / size;
  };
  const counted = (pick: (counts: Counts) => number) => each(({ counts }) => pick(counts));
  const seconds = (figures: Figures) => of(figures)?.seconds;
  return [
    row(all, 'created to Ready', 's', seconds, { size, aim: { most: 1.3, of: 'floor' } }),
    row(all, 'created to Ready', 's', seconds, { size, aim: { most: 0.5, of: 'peer' } }),
    row(all, 'writes each', '', counted(writesOf), { size, aim: { most: 12 } }),
    row(
      all,
      'of them status',
      '',
      counted(({ status }) => status),
      { size, aim: { most: 3 } },
    ),
    row(
      all,
      'events each',
      '',
      counted(({ events }) => events),
      { size, aim: { most: 4 } },
    ),
    row(
      all,
      'reads each',
      '',
      counted(({ reads }) => reads),
      { size, aim: { most: 0 } },
    ),
    row(
      all,
      'processor each',
      'ms',
      each(({ cpuMs }) => cpuMs),
      { size, aim: { most: 30 } },
    ),
    row(all, "API server's processor each", 'ms', (figures) => perResource(of(figures)?.serverCpuMs, size), { size }),
    row(all, 'highest memory', 'MB', (figures) => bytes(of(figures)?.operator?.peakBytes), {
      size,
      ...(size === 1000 ? { aim: { most: 150 } } : {}),
    }),
  ];
}

const perResource = (total: number | undefined, size: number) => (total === undefined ? undefined : total / size);
const bytes = (value: number | undefined) => (value === undefined ? undefined : value / MEGA);

/** How much more a resource costs among the most than among the fewest. */
function flatRows(all: AllFigures, sizes: readonly number[]): readonly Row[] {
  const [least, most] = [Math.min(...sizes), Math.max(...sizes)];
  if (least === most) return [];
  const growth = (pick: (operator: NonNullable<Creation['operator']>) => number) => (figures: Figures) => {
    const [few, many] = [least, most].map((size) => figures.creations.find((creation) => creation.size === size));
    if (few?.operator === undefined || many?.operator === undefined) return undefined;
    return pick(many.operator) / most / (pick(few.operator) / least);
  };
  const what = (name: string) => `${name} each, ${most} against ${least}`;
  return [
    row(
      all,
      what('writes'),
      'x',
      growth(({ counts }) => writesOf(counts)),
      { aim: { most: 1.1 } },
    ),
    row(
      all,
      what('processor'),
      'x',
      growth(({ cpuMs }) => cpuMs),
      { aim: { most: 1.1 } },
    ),
  ];
}

function idleRows(all: AllFigures): readonly Row[] {
  const size = all.ours?.idle?.size ?? all.peer?.idle?.size;
  if (size === undefined) return [];
  const perMinute = (pick: (counts: Counts) => number) => (figures: Figures) =>
    figures.idle && (pick(figures.idle.counts) * 60) / figures.idle.seconds;
  const others = ({ objects, status, events, execs, reads }: Counts) => objects + status + events + execs + reads;
  return [
    row(
      all,
      'idle: requests for the Lease',
      '/min',
      perMinute(({ leases }) => leases),
      { size },
    ),
    row(all, 'idle: other requests', '/min', perMinute(others), { size, aim: { most: 0 } }),
    row(all, 'idle: processor', 'ms/min', ({ idle }) => idle && (idle.cpuMs * 60) / idle.seconds, { size }),
    row(all, 'idle: memory', 'MB', ({ idle }) => bytes(idle?.residentBytes), { size }),
  ];
}

function restartRows(all: AllFigures): readonly Row[] {
  const size = all.ours?.restart?.size ?? all.peer?.restart?.size;
  if (size === undefined) return [];
  const counted = (pick: (counts: Counts) => number) => (figures: Figures) =>
    figures.restart && pick(figures.restart.counts);
  return [
    row(
      all,
      'restart: writes',
      '',
      counted((counts) => writesOf(counts) + counts.events),
      { size, aim: { most: 0 } },
    ),
    row(
      all,
      'restart: reads',
      '',
      counted(({ reads }) => reads),
      { size },
    ),
    row(all, 'restart: until nothing is left to do', 's', ({ restart }) => restart?.seconds, { size }),
    row(all, 'restart: processor', 'ms', ({ restart }) => restart?.cpuMs, { size }),
    row(all, 'restart: highest memory', 'MB', ({ restart }) => bytes(restart?.peakBytes), { size }),
  ];
}

function priceRows(all: AllFigures): readonly Row[] {
  const what: Readonly<Record<keyof Prices, string>> = {
    configMap: "API server's processor for a new ConfigMap",
    event: '… for an event',
    emulator: '… for a new Emulator',
    status: '… for a status of an Emulator',
    replacedStatus: '… for the same by PUT',
  };
  const kinds = Object.entries(what) as [keyof Prices, string][];
  return kinds.map(([kind, name]) => row(all, name, 'ms', ({ prices }) => prices?.[kind]));
}

function troubleRows(all: AllFigures): readonly Row[] {
  const outage = (pick: (outage: Figures['outages'][number]) => number) => (figures: Figures) =>
    median(figures.outages.map(pick));
  const failover = (pick: (failover: Figures['failovers'][number]) => number) => (figures: Figures) =>
    median(figures.failovers.map(pick));
  return [
    row(
      all,
      'API server away for 10 s: acts after',
      's',
      outage(({ seconds }) => seconds),
      { aim: { most: 5 } },
    ),
    row(
      all,
      'API server away for 10 s: exits',
      '',
      outage(({ exits }) => exits),
      { aim: { most: 0 } },
    ),
    row(
      all,
      'leader killed: the other acts after',
      's',
      failover(({ killedSeconds }) => killedSeconds),
      {
        aim: { most: 15 },
      },
    ),
    row(
      all,
      'leader stopped: the other acts after',
      's',
      failover(({ stoppedSeconds }) => stoppedSeconds),
      {
        aim: { most: 2 },
      },
    ),
  ];
}

/** Every line that something was measured for. */
export function rowsOf(all: AllFigures, sizes: readonly number[]): readonly Row[] {
  const rows = [
    ...startRows(all),
    ...sizes.flatMap((size) => creationRows(all, size)),
    ...flatRows(all, sizes),
    ...idleRows(all),
    ...restartRows(all),
    ...priceRows(all),
    ...troubleRows(all),
  ];
  return rows.filter(({ values }) => Object.keys(values).length > 0);
}
