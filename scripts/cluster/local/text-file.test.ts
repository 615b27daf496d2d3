import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { writeIfChanged } from './text-file.ts';

test('several that write one file at a time leave one whole text and nothing else', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'loco-text-file-'));
  try {
    const path = join(folder, 'namespace');
    await Promise.all(Array.from({ length: 20 }, () => writeIfChanged(path, 'loco-system')));
    expect(await readFile(path, 'utf8')).toBe('loco-system');
    expect(await readdir(folder)).toEqual(['namespace']);
    expect(await writeIfChanged(path, 'loco-system')).toBe(false);
  } finally {
    await rm(folder, { recursive: true });
  }
});
