import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { progressSchema } from '../../contract/agent-report.ts';
import { type Done, type Meter, measure, progressOf } from './progress.ts';

const MEBIBYTE = 1024 ** 2;

function seenAt(looks: readonly (readonly [seconds: number, mebibytes: number])[], totalMiB?: number): Meter {
  let meter: Meter | undefined;
  for (const [seconds, mebibytes] of looks) {
    const total = totalMiB === undefined ? {} : { totalBytes: totalMiB * MEBIBYTE };
    meter = measure(meter, { step: 'Copying', doneBytes: mebibytes * MEBIBYTE, ...total }, seconds * 1000);
  }
  if (meter === undefined) throw new Error('no looks');
  return meter;
}

describe('progress', () => {
  test('has percent, rate and time left', () => {
    const looks = [0, 1, 2, 3].map((second) => [second, second * 10] as const);
    expect(progressOf(seenAt(looks, 120))).toEqual({
      step: 'Copying',
      doneBytes: 30 * MEBIBYTE,
      totalBytes: 120 * MEBIBYTE,
      percent: 25,
      bytesPerSecond: 10 * MEBIBYTE,
      secondsLeft: 9,
    });
  });

  test('has a rate of the last seconds only', () => {
    const looks = [...Array(31).keys()].map((second) => [second, second < 20 ? second * 100 : 2000 + second] as const);
    expect(progressOf(seenAt(looks)).bytesPerSecond).toBe(MEBIBYTE);
  });

  test('that stands still has a rate of nothing, and no time left', () => {
    const looks = [0, 3, 6, 9, 12].map((second) => [second, 7] as const);
    const progress = progressOf(seenAt(looks, 10));
    expect(progress.bytesPerSecond).toBe(0);
    expect(progress).not.toHaveProperty('secondsLeft');
  });

  test('of an unknown whole has no percent and no time left, and at first no rate', () => {
    const done = { step: 'Importing', doneBytes: 5 } as const;
    expect(progressOf(measure(undefined, done, 0))).toEqual(done);
  });

  test('of another step, or from the beginning again, begins anew', () => {
    const before = seenAt([
      [0, 0],
      [5, 50],
    ]);
    const other = measure(before, { step: 'Checking', doneBytes: 60 * MEBIBYTE }, 6000);
    const again = measure(before, { step: 'Copying', doneBytes: 1 }, 6000);
    for (const meter of [other, again]) expect(progressOf(meter)).not.toHaveProperty('bytesPerSecond');
  });
});

const done: fc.Arbitrary<Done> = fc.record(
  {
    step: fc.constantFrom(...progressSchema.shape.step.options),
    doneBytes: fc.nat({ max: 2 ** 45 }),
    totalBytes: fc.nat({ max: 2 ** 45 }),
  },
  { requiredKeys: ['step', 'doneBytes'] },
);

test('whatever is seen whenever, progress is within its schema, and its memory stays small', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(done, fc.integer({ min: -100, max: 3000 })), { minLength: 1 }), (looks) => {
      let meter: Meter | undefined;
      let at = 1_700_000_000_000;
      for (const [look, passed] of looks) {
        at += passed;
        meter = measure(meter, look, at);
        const progress = progressOf(meter);
        expect(progressSchema.safeParse(progress).error).toBeUndefined();
        if (progress.percent === 100) expect(progress.doneBytes).toBeGreaterThanOrEqual(progress.totalBytes ?? 0);
        expect(meter.samples.length).toBeLessThanOrEqual(5000 / 250 + 4);
      }
    }),
  );
});

test('a steady step has its own rate, however often it is looked at', () => {
  const steps = fc.array(fc.integer({ min: 1, max: 2000 }), { minLength: 3, maxLength: 200 });
  fc.assert(
    fc.property(steps, fc.integer({ min: 1, max: 10_000 }), (pauses, bytesPerMillisecond) => {
      let meter: Meter | undefined;
      let at = 0;
      for (const pause of [0, ...pauses]) {
        at += pause;
        meter = measure(meter, { step: 'Pulling', doneBytes: at * bytesPerMillisecond }, at);
        expect(meter.samples.length).toBeLessThanOrEqual(5000 / 250 + 4);
      }
      const rate = meter && progressOf(meter).bytesPerSecond;
      if (at >= 400) expect(rate).toBe(bytesPerMillisecond * 1000);
    }),
  );
});
