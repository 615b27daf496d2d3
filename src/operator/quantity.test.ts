import { expect, test } from 'vitest';
import { formatBytes, parseQuantity } from './quantity.ts';

test.each([
  ['512Mi', 512 * 2 ** 20],
  ['1.5Gi', 1.5 * 2 ** 30],
  ['500M', 5e8],
  ['1024', 1024],
  ['many', undefined],
  ['1Zi', undefined],
])('%s', (text, bytes) => {
  expect(parseQuantity(text)).toBe(bytes);
});

test('bytes are written in the largest unit that holds them exactly', () => {
  expect([2 ** 30, 1536 * 2 ** 20, 1000, 0].map(formatBytes)).toEqual(['1Gi', '1536Mi', '1000', '0']);
});
