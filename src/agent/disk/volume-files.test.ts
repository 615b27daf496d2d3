import { mkdtemp, rm, stat, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { birthTimeOf, inodeNumber, volumeFiles } from './volume-files.ts';

test.each([1n, 2n ** 53n - 1n, 2n ** 53n + 1n, 2n ** 64n - 1n])(
  'the inode %d has a number that JSON keeps',
  (inode) => {
    const number = inodeNumber(inode);
    expect(Number.isSafeInteger(number)).toBe(true);
    expect(BigInt(number)).toBe(inode % 2n ** 53n);
  },
);

test('a birth time counts only where it is one', () => {
  expect(birthTimeOf(5n, 7n)).toEqual({ birthTime: '5' });
  // A file system that keeps none, and a kernel that gives the time of the last change instead.
  expect(birthTimeOf(0n, 7n)).toEqual({});
  expect(birthTimeOf(7n, 7n)).toEqual({});
});

test('a folder is made with those above it, and is no folder where a link leads nowhere', async () => {
  const root = await mkdtemp(path.join(tmpdir(), 'loco-folder-'));
  onTestFinished(() => rm(root, { recursive: true }));
  const deep = path.join(root, 'a', 'b', 'c');
  await volumeFiles.makeFolder(deep);
  await volumeFiles.makeFolder(deep);
  expect((await stat(deep)).isDirectory()).toBe(true);
  await symlink('/nowhere', path.join(root, 'link'));
  await expect(volumeFiles.makeFolder(path.join(root, 'link', 'a'))).rejects.toThrow('ENOENT');
});
