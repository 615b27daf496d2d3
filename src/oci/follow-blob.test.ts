import { createHash } from 'node:crypto';
import { appendFile, mkdir, mkdtemp, readdir, readlink, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { followBlob } from './follow-blob.ts';
import { blobFile } from './layout.ts';

const content = Buffer.alloc(3_000_001, 'what a machine sees of its disk');
const sha256 = createHash('sha256').update(content).digest('hex');
const blob = { digest: `sha256:${sha256}`, size: content.length };
const never = new AbortController().signal;

let layout: string;

beforeEach(async () => {
  layout = await mkdtemp(path.join(tmpdir(), 'loco-follow-'));
  await mkdir(path.dirname(blobFile(layout, blob.digest)), { recursive: true });
});

afterEach(() => rm(layout, { recursive: true }));

/** As oras does it: a file of its own that grows, and the blob's name at the end; not before somebody follows it. */
async function fetch(bytes: Buffer, attempt = '1'): Promise<void> {
  await mkdir(path.join(layout, 'ingest'), { recursive: true });
  const file = path.join(layout, 'ingest', `${sha256}_${attempt}`);
  await writeFile(file, bytes.subarray(0, 500_000));
  await untilFollowed(file);
  for (let at = 500_000; at < bytes.length; at += 500_000) await appendFile(file, bytes.subarray(at, at + 500_000));
  await rename(file, blobFile(layout, blob.digest));
}

/** Until this process has the file open. */
async function untilFollowed(file: string): Promise<void> {
  for (;;) {
    const descriptors = await readdir('/proc/self/fd');
    const targets = await Promise.all(descriptors.map((name) => readlink(`/proc/self/fd/${name}`).catch(() => '')));
    if (targets.includes(file)) return;
    await delay(5);
  }
}

test('a blob that comes whole is known to be right when its last byte is there', async () => {
  const following = followBlob(layout, blob, never);
  await fetch(content);
  expect(await following.end()).toBe(true);
});

test.each([
  [
    'one byte is another',
    Buffer.concat([content.subarray(0, 1_000_000), Buffer.from('x'), content.subarray(1_000_001)]),
  ],
  ['it was cut', content.subarray(0, 2_000_000)],
  ['something stands behind it', Buffer.concat([content, Buffer.alloc(1)])],
])('nothing is known of a blob when %s', async (_, bytes) => {
  const following = followBlob(layout, blob, never);
  await fetch(bytes);
  expect(await following.end()).toBe(false);
});

test('nothing is known of a blob that was there before', async () => {
  await writeFile(blobFile(layout, blob.digest), content);
  const following = followBlob(layout, blob, never);
  expect(await following.end()).toBe(false);
});

test('nothing is known of a blob in another file than the one that was followed', async () => {
  const following = followBlob(layout, blob, never);
  await mkdir(path.join(layout, 'ingest'));
  const given = path.join(layout, 'ingest', `${sha256}_given-up`);
  await writeFile(given, content);
  await untilFollowed(given);
  await rm(given);
  await writeFile(blobFile(layout, blob.digest), content);
  expect(await following.end()).toBe(false);
});

test('ends at once when the fetch brought nothing', async () => {
  const following = followBlob(layout, blob, never);
  expect(await following.end()).toBe(false);
});

test('ends when it is aborted', async () => {
  const stop = new AbortController();
  const following = followBlob(layout, blob, stop.signal);
  stop.abort();
  await expect(following.end()).rejects.toThrow('aborted');
});
