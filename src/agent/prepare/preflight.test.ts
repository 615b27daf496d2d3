import fc from 'fast-check';
import { expect, test } from 'vitest';
import { checkGrowth, judgePeak } from './preflight.ts';

const MEBIBYTE = 1024 ** 2;

test('what fits passes, to the byte', () => {
  const parts = [
    { name: 'the blobs', bytes: 30 * MEBIBYTE },
    { name: 'the disk', bytes: 60 * MEBIBYTE },
  ];
  const space = { freeBytes: 94 * MEBIBYTE, totalBytes: 200 * MEBIBYTE };
  expect(judgePeak(space, 'It', parts)).toMatchObject({ ok: true });
  expect(judgePeak({ ...space, freeBytes: space.freeBytes - 1 }, 'It', parts)).toMatchObject({ ok: false });
});

test('what does not fit is refused with every number', () => {
  const refused = judgePeak({ freeBytes: 20 * MEBIBYTE, totalBytes: 64 * MEBIBYTE }, 'The disk of r/x:y', [
    { name: 'the blobs', bytes: 10 * MEBIBYTE },
    { name: 'nothing', bytes: 0 },
    { name: 'the disk', bytes: 40 * MEBIBYTE },
  ]);
  expect(refused).toEqual({
    ok: false,
    failure: {
      reason: 'NoSpace',
      message:
        "The disk of r/x:y needs 54 MiB on the volume (10 for the blobs, 40 for the disk, 4 for the file system's tables); 20 of 64 MiB are free. Make the volume larger by 34 MiB or more (storage.size).",
    },
  });
});

test('a volume that is made as much larger as the message says has room', () => {
  const bytes = fc.integer({ min: 0, max: 2 ** 40 });
  fc.assert(
    fc.property(bytes, bytes, fc.array(bytes, { maxLength: 4 }), (freeBytes, totalBytes, sizes) => {
      const parts = sizes.map((size) => ({ name: 'a part', bytes: size }));
      const result = judgePeak({ freeBytes, totalBytes }, 'It', parts);
      if (result.ok) return;
      const more = Number(/larger by (\d+) MiB/.exec(result.failure.message)?.[1]) * MEBIBYTE;
      expect(judgePeak({ freeBytes: freeBytes + more, totalBytes: totalBytes + more }, 'It', parts).ok).toBe(true);
    }),
  );
});

test('a disk that its guest can fill beyond what an ephemeral volume may hold is refused', () => {
  const virtualBytes = 2048 * MEBIBYTE;
  expect(checkGrowth({}, virtualBytes).ok).toBe(true);
  expect(checkGrowth({ volumeLimitBytes: 2.2 * virtualBytes }, virtualBytes).ok).toBe(true);
  expect(checkGrowth({ volumeLimitBytes: 281 * MEBIBYTE }, virtualBytes)).toEqual({
    ok: false,
    failure: {
      reason: 'VolumeTooSmall',
      message:
        'The guest can fill its disk to 2048 MiB, which is more than its Ephemeral volume may hold (281 MiB): the pod would be evicted. Set storage.size to 2048Mi or more.',
    },
  });
});
