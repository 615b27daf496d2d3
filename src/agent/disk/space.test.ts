import { tmpdir } from 'node:os';
import { expect, test } from 'vitest';
import { checkRoom, spaceOf } from './space.ts';

const MIB = 1024 ** 2;

test('what fits passes', () => {
  expect(checkRoom({ freeBytes: 104 * MIB, totalBytes: 200 * MIB }, 100 * MIB, 'The disk').ok).toBe(true);
});

test('what does not fit is refused with all the numbers', () => {
  const room = checkRoom({ freeBytes: 100 * MIB, totalBytes: 200 * MIB }, 150 * MIB, 'The disk');
  expect(room).toEqual({
    ok: false,
    failure: {
      reason: 'NoSpace',
      message:
        'The disk needs 154 MiB on the volume; 100 MiB of 200 MiB are free. Make the volume larger by 54 MiB or more (storage.size).',
    },
  });
});

test('a real file system has some room', async () => {
  const { freeBytes, totalBytes } = await spaceOf(tmpdir());
  expect(freeBytes).toBeGreaterThan(0);
  expect(totalBytes).toBeGreaterThanOrEqual(freeBytes);
});
