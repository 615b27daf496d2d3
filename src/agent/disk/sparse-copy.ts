import { type FileHandle, open } from 'node:fs/promises';
import { SparseWriter, TargetWriteError, WINDOW_BYTES, type Written } from './sparse-writer.ts';

/** Windows that are read ahead of the one that is hashed: a disk gives more to several readers than to one. */
const READS_AHEAD = 3;

export interface CopyOptions {
  readonly onProgress?: (doneBytes: number) => void;
  readonly signal?: AbortSignal;
}

/**
 * Copies `source` into a new file at `target`, which must not exist, sparse and hashed; durable when it ends. A piece
 * of the source is read until the next one is asked for, and not longer.
 * @throws TargetWriteError when the target can't be written; the signal's reason when it aborts; else what the source threw
 */
export function sparseCopy(
  source: AsyncIterable<Uint8Array>,
  target: string,
  options: CopyOptions = {},
): Promise<Written> {
  return intoNewFile(target, async (writer) => {
    let window = await writer.window();
    let filled = 0;
    for await (const piece of source) {
      options.signal?.throwIfAborted();
      for (let taken = 0; taken < piece.length; ) {
        const count = Math.min(piece.length - taken, WINDOW_BYTES - filled);
        window.set(piece.subarray(taken, taken + count), filled);
        filled += count;
        taken += count;
        if (filled === WINDOW_BYTES) {
          writer.take(window, filled);
          window = await writer.window();
          filled = 0;
        }
      }
      options.onProgress?.(writer.sizeBytes + filled);
    }
    options.signal?.throwIfAborted();
    if (filled > 0) writer.take(window, filled);
  });
}

/** As {@link sparseCopy}, from a file: read where it is written from, with nothing copied in between. */
export async function sparseCopyFile(source: string, target: string, options: CopyOptions = {}): Promise<Written> {
  const file = await open(source, 'r');
  try {
    const { size } = await file.stat();
    return await intoNewFile(target, async (writer) => {
      for await (const { window, length } of windowsOf(file, size, writer)) {
        options.signal?.throwIfAborted();
        writer.take(window, length);
        options.onProgress?.(writer.sizeBytes);
      }
    });
  } finally {
    await file.close();
  }
}

interface FilledWindow {
  readonly window: Buffer;
  readonly length: number;
}

/** A file's content in order, read ahead into the writer's windows. */
async function* windowsOf(file: FileHandle, size: number, writer: SparseWriter): AsyncGenerator<FilledWindow> {
  const reads: Promise<FilledWindow>[] = [];
  let asked = 0;
  const askNext = () => {
    if (asked >= size) return;
    const read = fill(file, asked, writer);
    // Its error is thrown where it is awaited; until then it must not count as unhandled.
    read.catch(() => undefined);
    reads.push(read);
    asked += WINDOW_BYTES;
  };
  for (let ahead = 0; ahead < READS_AHEAD; ahead += 1) askNext();
  try {
    for (let read = reads.shift(); read !== undefined; read = reads.shift()) {
      const filled = await read;
      askNext();
      yield filled;
      // The file was cut meanwhile: what is behind the cut would not be where it was.
      if (filled.length < WINDOW_BYTES) return;
    }
  } finally {
    await Promise.allSettled(reads);
  }
}

async function fill(file: FileHandle, offset: number, writer: SparseWriter): Promise<FilledWindow> {
  const window = await writer.window();
  for (let length = 0; ; ) {
    const { bytesRead } = await file.read(window, length, WINDOW_BYTES - length, offset + length);
    length += bytesRead;
    if (bytesRead === 0 || length === WINDOW_BYTES) return { window, length };
  }
}

async function intoNewFile(target: string, copy: (writer: SparseWriter) => Promise<void>): Promise<Written> {
  const file = await openTarget(target);
  const writer = new SparseWriter(file);
  try {
    await copy(writer);
    return await writer.finish();
  } finally {
    // Nothing may be on its way to a file that is closed, or removed by the caller.
    await writer.settle();
    await file.close();
  }
}

async function openTarget(target: string): Promise<FileHandle> {
  try {
    return await open(target, 'wx', 0o640);
  } catch (error) {
    throw new TargetWriteError(error);
  }
}
