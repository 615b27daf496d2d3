import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type ContextFile, contentTag, withContext } from './content.ts';

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'loco-content-'));
});
afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
});

const bytes = (name: string, text: string, mode = 0o755): ContextFile => ({ name, from: Buffer.from(text), mode });

test('the same content has the same tag, from a file or from memory', async () => {
  const file = path.join(folder, 'program');
  await writeFile(file, 'one');
  const fromFile = await contentTag(['FROM x'], [{ name: 'program', from: file, mode: 0o755 }]);
  expect(await contentTag(['FROM x'], [bytes('program', 'one')])).toBe(fromFile);
  expect(fromFile).toMatch(/^[0-9a-f]{16}$/);
});

test('every input changes the tag', async () => {
  const tags = await Promise.all([
    contentTag(['FROM x'], [bytes('program', 'one')]),
    contentTag(['FROM y'], [bytes('program', 'one')]),
    contentTag(['FROM x'], [bytes('program', 'two')]),
    contentTag(['FROM x'], [bytes('other', 'one')]),
    contentTag(['FROM x'], [bytes('program', 'one', 0o644)]),
    contentTag(['FROM x'], []),
    contentTag(['FROM', ' x'], [bytes('program', 'one')]),
  ]);
  expect(new Set(tags).size).toBe(tags.length);
});

test('a context has the files, their modes and a time that never changes, and is gone afterwards', async () => {
  const left = await withContext([bytes('builtin/disk', 'content', 0o444)], ['builtin'], async (context) => {
    const file = path.join(context, 'builtin/disk');
    expect(await readFile(file, 'utf8')).toBe('content');
    const { mode, mtime } = await stat(file);
    expect(mode & 0o777).toBe(0o444);
    expect(mtime.toISOString()).toBe('2000-01-01T00:00:00.000Z');
    return context;
  });
  await expect(stat(left)).rejects.toThrow(/ENOENT/);
});
