import { expect, test } from 'vitest';
import { FakeClock } from '../kube/fake-clock.ts';
import { endsWithin } from './patience.ts';

test('what ends is waited for, and what does not is not', async () => {
  const clock = new FakeClock();
  expect(await endsWithin(clock, 100, Promise.resolve())).toBe(true);
  const never = endsWithin(clock, 100, new Promise(() => undefined));
  await clock.advance(100);
  expect(await never).toBe(false);
});

test('a failure is the waiter’s, too', async () => {
  await expect(endsWithin(new FakeClock(), 100, Promise.reject(new Error('no')))).rejects.toThrow('no');
});
