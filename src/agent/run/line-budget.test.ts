import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LineBudget } from './line-budget.ts';

function budget() {
  let now = 0;
  const passed: string[] = [];
  const told: { lines: number; bytes: number; at: number }[] = [];
  const lines = new LineBudget(
    { now: () => now, elapsed: () => now, sleep: async () => {} },
    (line) => passed.push(line),
    (leftOut) => told.push({ ...leftOut, at: now }),
  );
  return { lines, passed, told, pass: (milliseconds: number) => (now += milliseconds) };
}

const LINE = 'x'.repeat(80);

describe('the lines of a guest', () => {
  it('all pass while it says no more than a booting system does', () => {
    const { lines, passed, told } = budget();
    for (let count = 0; count < 2000; count += 1) lines.push(LINE);
    lines.end();
    expect([passed.length, told]).toEqual([2000, []]);
  });

  it('that spews pass at 4 KiB/s, and it is told every 10 s how many were left out', () => {
    const { lines, passed, told, pass } = budget();
    for (let millisecond = 0; millisecond < 100_000; millisecond += 1) {
      lines.push(LINE);
      pass(1);
    }
    expect(passed.length * 200).toBeLessThan(512 * 1024 + 101 * 4096);
    expect(passed.length * 200).toBeGreaterThan(512 * 1024 + 99 * 4096);
    expect(told.length).toBeLessThanOrEqual(11);
    lines.end();
    expect(told.reduce((sum, each) => sum + each.lines, passed.length)).toBe(100_000);
    expect(told.reduce((sum, each) => sum + each.bytes, 0)).toBe((100_000 - passed.length) * 80);
  });

  it('pass again after a silence', () => {
    const { lines, passed, pass } = budget();
    for (let count = 0; count < 10_000; count += 1) lines.push(LINE);
    const before = passed.length;
    pass(60_000);
    lines.push('at last');
    expect(passed.slice(before)).toEqual(['at last']);
  });

  it('never cost more than the burst and the rate, whatever they are and whenever they come', () => {
    const steps = fc.array(fc.record({ length: fc.nat(1000), after: fc.integer({ min: -1000, max: 60_000 }) }));
    fc.assert(
      fc.property(steps, (list) => {
        const { lines, passed, pass } = budget();
        let elapsed = 0;
        for (const { length, after } of list) {
          pass(after);
          elapsed += Math.max(after, 0);
          lines.push('y'.repeat(length));
        }
        const cost = passed.reduce((sum, line) => sum + line.length + 120, 0);
        expect(cost).toBeLessThanOrEqual(512 * 1024 + (elapsed / 1000) * 4096);
      }),
    );
  });
});
