import { expect, test } from 'vitest';
import { inodeNumber } from './volume-files.ts';

test.each([1n, 2n ** 53n - 1n, 2n ** 53n + 1n, 2n ** 64n - 1n])(
  'the inode %d has a number that JSON keeps',
  (inode) => {
    const number = inodeNumber(inode);
    expect(Number.isSafeInteger(number)).toBe(true);
    expect(BigInt(number)).toBe(inode % 2n ** 53n);
  },
);
