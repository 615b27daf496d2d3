import { tmpdir } from 'node:os';
import { expect, test } from 'vitest';
import { benchDisk } from '../../bench/disk.ts';
import { inTurn, tableOf } from '../../bench/pairs.ts';

test('the disk bench measures preparations from a built-in disk and from a registry', async () => {
  const report = await benchDisk({ sizes: [4], pairs: 1, parts: ['builtin', 'pull'], folder: tmpdir() });
  const rows = report.split('\n').filter((line) => /^\| (?!-| )/.test(line));
  const cells = rows.map((row) => row.split('|').map((cell) => cell.trim()));
  expect(cells.map(([, what, peer, size]) => [what, peer, size])).toEqual([
    ['built-in disk', 'cp + sync', '4 MiB'],
    ['built-in disk, not in memory', 'cp + sync', '4 MiB'],
    ['built-in disk', 'qemu-img convert + sync', '4 MiB'],
    ['titled artifact', 'oras pull', '4 MiB'],
    ['titled artifact', 'oras pull + sync', '4 MiB'],
    ['our artifact', 'oras cp', '4 MiB'],
    ['our artifact', 'oras cp + sync', '4 MiB'],
  ]);
  for (const [, , , , ours, theirs, ratio, peak, written] of cells) {
    expect([ours, theirs, ratio].every((spread) => /^\d+\.\d\d \d+\.\d\d \d+\.\d\d( x)?$/.test(spread ?? ''))).toBe(
      true,
    );
    // What the agent itself takes and the disk's 2 MiB of data: neither nothing nor another process's.
    expect(Number.parseInt(peak ?? '', 10)).toBeGreaterThan(40);
    expect(Number.parseInt(written ?? '', 10)).toBeGreaterThanOrEqual(2);
  }
  expect(report).toMatch(/SHA extensions/);
  expect(report).toMatch(/SHA-256 alone \d+\.\d\d s for 4 MiB/);
});

test('both are measured in turn, and ratios are taken pair by pair', async () => {
  const order: string[] = [];
  const seconds = [2, 1, 30, 10, 8, 2];
  const next = (name: string) => async () => {
    order.push(name);
    return seconds.shift() ?? Number.NaN;
  };
  const { ours, theirs } = await inTurn(3, next('ours'), next('theirs'));
  expect(order).toEqual(['ours', 'theirs', 'ours', 'theirs', 'ours', 'theirs']);
  const table = tableOf([{ what: 'this', peer: 'that', mebibytes: 1, ours, theirs }]);
  expect(table).toContain('| 2.00 8.00 30.00 | 1.00 2.00 10.00 | 2.00 3.00 4.00 x |');
});
