import { expect, test } from 'vitest';
import { countConditions } from './condition-counts.ts';

const emulator = (...conditions: readonly [type: string, status: string, reason: string][]) => ({
  status: { conditions: conditions.map(([type, status, reason]) => ({ type, status, reason, message: 'any' })) },
});

test('Emulators are counted by condition, status and reason', () => {
  const counts = countConditions([
    emulator(['Ready', 'True', 'MachinesReady'], ['DisksReady', 'True', 'DisksPrepared']),
    emulator(['Ready', 'True', 'MachinesReady'], ['DisksReady', 'True', 'DisksPrepared']),
    emulator(['Ready', 'False', 'AwaitingDisk'], ['DisksReady', 'False', 'AwaitingDisk']),
  ]);
  expect(counts).toEqual([
    { labels: { condition: 'Ready', status: 'True', reason: 'MachinesReady' }, value: 2 },
    { labels: { condition: 'DisksReady', status: 'True', reason: 'DisksPrepared' }, value: 2 },
    { labels: { condition: 'Ready', status: 'False', reason: 'AwaitingDisk' }, value: 1 },
    { labels: { condition: 'DisksReady', status: 'False', reason: 'AwaitingDisk' }, value: 1 },
  ]);
});

test('one that nobody has looked at yet, or whose status is something else, counts for nothing', () => {
  expect(countConditions([{}, { status: null }, { status: { conditions: 'none' } }])).toEqual([]);
});
