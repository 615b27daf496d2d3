import { describe, expect, test } from 'vitest';
import { parseMemoryUse } from './memory-use.ts';

describe('the memory of a container', () => {
  test('is read from control groups of version 1', () => {
    const text = [
      'limit_in_bytes 939524096',
      'usage_in_bytes 900000000',
      'max_usage_in_bytes 939000000',
      'total_rss 700000000',
      'oom_kill_disable 0',
      'oom_kill 2',
    ].join('\n');
    expect(parseMemoryUse(text)).toEqual({
      limit: 939_524_096,
      used: 900_000_000,
      peak: 939_000_000,
      processes: 700_000_000,
      kills: 2,
    });
  });

  test('is read from control groups of version 2', () => {
    const text = ['max 1000', 'current 900', 'peak 950', 'anon 700', 'file 200', 'oom 1', 'oom_kill 0'].join('\n');
    expect(parseMemoryUse(text)).toEqual({ limit: 1000, used: 900, peak: 950, processes: 700, kills: 0 });
  });

  test('is refused where a number is missing', () => {
    expect(() => parseMemoryUse('max 1000\ncurrent 900')).toThrow('no max_usage_in_bytes or peak in');
  });
});
