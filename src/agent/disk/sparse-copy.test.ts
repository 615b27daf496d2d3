import { createHash } from 'node:crypto';
import { truncateSync } from 'node:fs';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { sparseCopy, sparseCopyFile } from './sparse-copy.ts';
import { TargetWriteError, WINDOW_BYTES } from './sparse-writer.ts';

let folder: string;
let counter = 0;

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'loco-sparse-'));
});

afterAll(() => rm(folder, { recursive: true }));

function newTarget(): string {
  counter += 1;
  return path.join(folder, `copy-${counter}`);
}

async function* pieces(bytes: Buffer, lengths: readonly number[]): AsyncGenerator<Buffer> {
  let at = 0;
  for (let index = 0; at < bytes.length; index += 1) {
    const length = lengths[index % lengths.length] ?? 1;
    yield bytes.subarray(at, at + length);
    at += length;
  }
}

/** Stretches of one byte each, half of them zeros, some longer than the windows of the copy. */
const contents = fc
  .array(fc.tuple(fc.nat(255), fc.integer({ min: 1, max: 1_500_000 })), { maxLength: 8 })
  .map((filling) => Buffer.concat(filling.map(([byte, length]) => Buffer.alloc(length, byte % 2 === 0 ? 0 : byte))));
const cutting = fc.array(fc.integer({ min: 1000, max: 3_000_000 }), { minLength: 1, maxLength: 5 });

/** That the copy has the content's bytes and hash, and a hole wherever a whole 64 KiB block is zero. */
async function expectCopy(copy: (target: string) => Promise<unknown>, bytes: Buffer): Promise<void> {
  const target = newTarget();
  expect(await copy(target)).toEqual({
    sizeBytes: bytes.length,
    sha256: createHash('sha256').update(bytes).digest('hex'),
  });
  expect((await readFile(target)).equals(bytes)).toBe(true);
  const { blocks } = await stat(target);
  expect(blocks * 512).toBeLessThanOrEqual(nonZeroBlocks(bytes) * BLOCK_BYTES + BLOCK_BYTES);
  await rm(target);
}

const BLOCK_BYTES = 64 * 1024;

function nonZeroBlocks(bytes: Buffer): number {
  let count = 0;
  for (let at = 0; at < bytes.length; at += BLOCK_BYTES) {
    if (bytes.subarray(at, at + BLOCK_BYTES).some((byte) => byte !== 0)) count += 1;
  }
  return count;
}

describe('a sparse copy', () => {
  test('has the same bytes, holes and hash, however they come in', async () => {
    await fc.assert(
      fc.asyncProperty(contents, cutting, (bytes, cuts) =>
        expectCopy((target) => sparseCopy(pieces(bytes, cuts), target), bytes),
      ),
      { numRuns: 20 },
    );
  });

  test('of a file is the same', async () => {
    const source = path.join(folder, 'source');
    await fc.assert(
      fc.asyncProperty(contents, async (bytes) => {
        await writeFile(source, bytes);
        await expectCopy((target) => sparseCopyFile(source, target), bytes);
      }),
      { numRuns: 20 },
    );
  });

  test('may be made of pieces whose memory the source uses again', async () => {
    const reused = Buffer.alloc(1_000_003);
    const source = (async function* () {
      for (let index = 1; index <= 9; index += 1) yield reused.fill(index);
    })();
    const bytes = Buffer.concat(Array.from({ length: 9 }, (_, index) => Buffer.alloc(reused.length, index + 1)));
    await expectCopy((target) => sparseCopy(source, target), bytes);
  });

  test('of a file that is cut meanwhile has what was there before the cut', async () => {
    const source = path.join(folder, 'cut');
    await writeFile(source, Buffer.alloc(20 * WINDOW_BYTES, 3));
    const target = newTarget();
    const { sizeBytes } = await sparseCopyFile(source, target, {
      onProgress: (done) => done === WINDOW_BYTES && truncateSync(source, 10 * WINDOW_BYTES + 5),
    });
    expect(sizeBytes).toBe(10 * WINDOW_BYTES + 5);
    expect((await readFile(target)).equals(Buffer.alloc(sizeBytes, 3))).toBe(true);
  });

  test('leaves holes, at its end too', async () => {
    const bytes = Buffer.alloc(8 * 1024 * 1024);
    bytes.fill(7, 1024 * 1024, 1024 * 1024 + 10);
    const target = newTarget();
    await sparseCopy(pieces(bytes, [1024 * 1024]), target);
    const { size, blocks } = await stat(target);
    expect(size).toBe(bytes.length);
    expect(blocks * 512).toBeLessThanOrEqual(128 * 1024);
  });

  test('never overwrites', async () => {
    const target = newTarget();
    await writeFile(target, 'mine');
    await expect(sparseCopy(pieces(Buffer.alloc(10), [10]), target)).rejects.toBeInstanceOf(TargetWriteError);
    expect(await readFile(target, 'utf8')).toBe('mine');
  });

  test('ends when it is aborted', async () => {
    const stop = new AbortController();
    const copying = sparseCopy(pieces(Buffer.alloc(10_000), [10]), newTarget(), {
      signal: stop.signal,
      onProgress: (done) => done > 500 && stop.abort(),
    });
    await expect(copying).rejects.toThrow('aborted');
  });

  test('of a file ends when it is aborted, with nothing on its way to the target any more', async () => {
    const source = path.join(folder, 'long');
    await writeFile(source, Buffer.alloc(20 * WINDOW_BYTES, 3));
    const stop = new AbortController();
    const target = newTarget();
    const copying = sparseCopyFile(source, target, { signal: stop.signal, onProgress: () => stop.abort() });
    await expect(copying).rejects.toThrow('aborted');
    const { size } = await stat(target);
    expect(size).toBeLessThanOrEqual(WINDOW_BYTES);
  });

  test('passes on what the source throws, as it is', async () => {
    const broken = (async function* () {
      yield Buffer.alloc(10);
      throw new RangeError('source');
    })();
    await expect(sparseCopy(broken, newTarget())).rejects.toBeInstanceOf(RangeError);
  });
});
