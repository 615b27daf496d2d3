import { createHash } from 'node:crypto';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { nonZeroRuns, sparseCopy, TargetWriteError } from './sparse-copy.ts';

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

describe('a sparse copy', () => {
  test('has the same bytes and hash, however they come in', async () => {
    const blocks = fc.array(fc.tuple(fc.nat(255), fc.integer({ min: 1, max: 200_000 })), { maxLength: 20 });
    const lengths = fc.array(fc.integer({ min: 1000, max: 300_000 }), { minLength: 1, maxLength: 5 });
    await fc.assert(
      fc.asyncProperty(blocks, lengths, async (filling, cuts) => {
        const bytes = Buffer.concat(filling.map(([byte, length]) => Buffer.alloc(length, byte % 2 === 0 ? 0 : byte)));
        const target = newTarget();
        const written = await sparseCopy(pieces(bytes, cuts), target);
        expect(written).toEqual({ sizeBytes: bytes.length, sha256: createHash('sha256').update(bytes).digest('hex') });
        expect((await readFile(target)).equals(bytes)).toBe(true);
        await rm(target);
      }),
      { numRuns: 30 },
    );
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

  test('passes on what the source throws, as it is', async () => {
    const broken = (async function* () {
      yield Buffer.alloc(10);
      throw new RangeError('source');
    })();
    await expect(sparseCopy(broken, newTarget())).rejects.toBeInstanceOf(RangeError);
  });

  test('says when the volume is full', async () => {
    const copying = sparseCopy(pieces(Buffer.alloc(4 * 1024 * 1024, 1), [1024 * 1024]), '/dev/full');
    await expect(copying).rejects.toBeInstanceOf(TargetWriteError);
  });
});

test('runs cover exactly what is not zero, in whole blocks', () => {
  const bytes = Buffer.alloc(5 * 65_536 + 100);
  bytes[65_536] = 1;
  bytes[2 * 65_536 + 5] = 1;
  bytes[5 * 65_536 + 99] = 1;
  expect([...nonZeroRuns(bytes)]).toEqual([
    { from: 65_536, to: 3 * 65_536 },
    { from: 5 * 65_536, to: bytes.length },
  ]);
});
