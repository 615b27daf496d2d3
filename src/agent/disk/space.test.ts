import { tmpdir } from 'node:os';
import { expect, test } from 'vitest';
import { spaceOf } from './space.ts';

test('a real file system has some room', async () => {
  const { freeBytes, totalBytes } = await spaceOf(tmpdir());
  expect(freeBytes).toBeGreaterThan(0);
  expect(totalBytes).toBeGreaterThanOrEqual(freeBytes);
});
