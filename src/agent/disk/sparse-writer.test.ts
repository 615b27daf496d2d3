import { expect, test } from 'vitest';
import { nonZeroRuns, SparseWriter, TargetWriteError, WINDOW_BYTES } from './sparse-writer.ts';

const failure = Object.assign(new Error('EIO: i/o error'), { code: 'EIO' });
const full = Object.assign(new Error('ENOSPC: no space left on device'), { code: 'ENOSPC' });

type TargetFile = ConstructorParameters<typeof SparseWriter>[0];

/** A file that takes everything and fails as told. */
function fileThat(overrides: Partial<Record<keyof TargetFile, (...args: never[]) => unknown>>): TargetFile {
  const file = {
    write: async (bytes: Buffer, _at: number, length: number) => ({ bytesWritten: length, buffer: bytes }),
    truncate: async () => undefined,
    sync: async () => undefined,
    datasync: async () => undefined,
  };
  return { ...file, ...overrides } as TargetFile;
}

async function writeWindows(writer: SparseWriter, count: number): Promise<void> {
  for (let index = 0; index < count; index += 1) {
    const window = await writer.window();
    window.fill(index + 1);
    writer.take(window, WINDOW_BYTES);
  }
}

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

test('a write-back that failed is heard of, although the last sync finds nothing wrong', async () => {
  let syncs = 0;
  const writer = new SparseWriter(
    fileThat({
      datasync: async () => {
        syncs += 1;
        if (syncs === 1) throw failure;
      },
    }),
  );
  const copying = writeWindows(writer, 40).then(() => writer.finish());
  await expect(copying).rejects.toBeInstanceOf(TargetWriteError);
  await expect(copying).rejects.toMatchObject({ code: 'EIO' });
});

test('what is long written is not left to the last sync', async () => {
  const steps: string[] = [];
  const writer = new SparseWriter(
    fileThat({
      datasync: async () => steps.push('background'),
      sync: async () => steps.push('last'),
    }),
  );
  await writeWindows(writer, 64);
  await writer.finish();
  expect(steps.length).toBeGreaterThanOrEqual(3);
  expect(steps.at(-1)).toBe('last');
});

test('a write that took less than all is gone on with', async () => {
  const written = Buffer.alloc(WINDOW_BYTES);
  const writer = new SparseWriter(
    fileThat({
      write: async (bytes: Buffer, at: number, length: number, position: number) => {
        const bytesWritten = Math.min(length, 100_000);
        bytes.copy(written, position, at, at + bytesWritten);
        return { bytesWritten, buffer: bytes };
      },
    }),
  );
  await writeWindows(writer, 1);
  await writer.finish();
  expect(written.equals(Buffer.alloc(WINDOW_BYTES, 1))).toBe(true);
});

test.each([1, 40])('a full volume is told as such, after %i windows', async (count) => {
  const writer = new SparseWriter(
    fileThat({
      write: async () => {
        throw full;
      },
    }),
  );
  const copying = writeWindows(writer, count).then(() => writer.finish());
  await expect(copying).rejects.toBeInstanceOf(TargetWriteError);
  await expect(copying).rejects.toMatchObject({ code: 'ENOSPC' });
});
