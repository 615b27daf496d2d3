import { expect, test } from 'vitest';
import type { Counts } from './counts.ts';
import type { Creation } from './create.ts';
import type { Figures } from './figures.ts';
import { isMet, type Row, rowsOf } from './rows.ts';
import { figure, tableOf } from './table.ts';

const counts = (more: Partial<Counts>): Counts => ({
  objects: 0,
  status: 0,
  events: 0,
  leases: 0,
  execs: 0,
  reads: 0,
  watches: 0,
  ...more,
});

const NOTHING: Figures = { coldStarts: [], creations: [], outages: [], failovers: [] };

function creation(size: number, seconds: number, each?: { counts: Partial<Counts>; cpuMs: number }): Creation {
  const serverCpuMs = 40 * size;
  if (each === undefined) return { size, seconds, serverCpuMs };
  const total = Object.fromEntries(Object.entries(each.counts).map(([kind, count]) => [kind, count * size]));
  return {
    size,
    seconds,
    serverCpuMs,
    operator: { counts: counts(total), requests: [], cpuMs: each.cpuMs * size, peakBytes: 140e6 },
  };
}

const floor: Figures = { ...NOTHING, creations: [creation(100, 4)] };
const peer: Figures = {
  ...NOTHING,
  creations: [creation(100, 23, { counts: { objects: 23, status: 7, events: 16, reads: 11 }, cpuMs: 60 })],
  outages: [30, 39, 27].map((seconds) => ({ seconds, exits: 1 })),
};
const ours: Figures = {
  ...NOTHING,
  creations: [
    creation(100, 5, { counts: { objects: 7, status: 3, events: 2 }, cpuMs: 25 }),
    creation(1000, 50, { counts: { objects: 7, status: 3, events: 2 }, cpuMs: 30 }),
  ],
  idle: { seconds: 30, counts: counts({ leases: 15, reads: 1 }), cpuMs: 20, residentBytes: 120e6, size: 1000 },
};

const rows = rowsOf({ floor, peer, ours }, [100, 1000]);

function rowOf(what: string, size?: number): Row {
  const found = rows.find((row) => row.what === what && row.size === size);
  if (found === undefined) throw new Error(`no row "${what}"`);
  return found;
}

test('what an operator asked for is told for each resource', () => {
  expect(rowOf('writes each', 100).values).toEqual({ peer: 30, ours: 10 });
  expect(rowOf('of them status', 100).values).toEqual({ peer: 7, ours: 3 });
  expect(rowOf('reads each', 100).values).toEqual({ peer: 11, ours: 0 });
  expect(rowOf('processor each', 1000).values).toEqual({ ours: 30 });
  expect(rowOf("API server's processor each", 100).values).toEqual({ floor: 40, peer: 40, ours: 40 });
});

test('time to Ready is compared with the floor and with the peer, each with its own aim', () => {
  const both = rows.filter(({ what, size }) => what === 'created to Ready' && size === 100);
  expect(both.map(isMet)).toEqual([true, true]);
  expect(both.map(({ aim }) => aim?.of)).toEqual(['floor', 'peer']);
  const slow = both.map((row) => ({ ...row, values: { ...row.values, ours: 12 } }));
  expect(slow.map(isMet)).toEqual([false, false]);
});

test('an aim is neither met nor missed where it was not measured', () => {
  const [againstFloor] = rows.filter(({ what, size }) => what === 'created to Ready' && size === 1000);
  expect(againstFloor && isMet(againstFloor)).toBeUndefined();
});

test('the cost of a resource among many is compared with that among few', () => {
  expect(rowOf('processor each, 1000 against 100').values).toEqual({ ours: 1.2 });
  expect(isMet(rowOf('processor each, 1000 against 100'))).toBe(false);
  expect(isMet(rowOf('writes each, 1000 against 100'))).toBe(true);
});

test('idle requests are told per minute, those for the Lease apart', () => {
  expect(rowOf('idle: requests for the Lease', 1000).values).toEqual({ ours: 30 });
  expect(rowOf('idle: other requests', 1000).values).toEqual({ ours: 2 });
});

test('of several runs the median counts', () => {
  expect(rowOf('API server away for 10 s: acts after').values).toEqual({ peer: 30 });
});

test('nothing is said of what nobody measured', () => {
  expect(rows.map(({ what }) => what)).not.toContain('restart: writes');
  expect(rowsOf({}, [100])).toEqual([]);
});

test('the table has who took what, the ratios, the aim and whether it is met', () => {
  const lines = tableOf(rows).split('\n');
  const cells = (what: string) =>
    lines
      .find((line) => line.startsWith(`| ${what} `))
      ?.split('|')
      .slice(1, -1)
      .map((cell) => cell.trim());
  expect(cells('created to Ready')).toEqual([
    'created to Ready',
    '100',
    '4 s',
    '23 s',
    '5 s',
    '0.22 x',
    '1.25 x',
    '≤ 1.3 x floor',
    'met',
  ]);
  expect(cells('reads each')?.slice(4)).toEqual(['0', '0 x', '', 'none', 'met']);
  expect(new Set(lines.map((line) => line.length)).size).toBe(1);
});

test.each([
  [0, '0'],
  [0.349, '0.35'],
  [9.31, '9.31'],
  [37.44, '37.4'],
  [245.2, '245'],
  [12, '12'],
])('the figure %d is written as %s', (value, text) => {
  expect(figure(value)).toBe(text);
});
