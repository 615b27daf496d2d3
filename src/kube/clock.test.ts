import { afterEach, expect, test, vi } from 'vitest';
import { systemClock } from './clock.ts';

afterEach(() => vi.useRealTimers());

test.each([2 ** 31, 2 ** 40, Number.POSITIVE_INFINITY])(
  'a timer of %d ms, longer than any can be, is not over at once',
  (ms) => {
    const told = vi.spyOn(process, 'emitWarning');
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    const ended: string[] = [];
    systemClock.after(ms, () => ended.push('long'));
    vi.advanceTimersByTime(24 * 86_400_000);
    expect(ended).toEqual([]);
    expect(told).not.toHaveBeenCalled();
    vi.advanceTimersByTime(86_400_000);
    expect(ended).toEqual(['long']);
  },
);
