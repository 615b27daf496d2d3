import { createHash } from 'node:crypto';
import { type FileHandle, open } from 'node:fs/promises';
import { messageOf } from '../failure.ts';

const BLOCK_BYTES = 64 * 1024;
const WINDOW_BYTES = 1024 * 1024;
const ZEROS = Buffer.alloc(BLOCK_BYTES);

export interface Written {
  readonly sizeBytes: number;
  /** sha256 of all the bytes, holes included, in hexadecimal. */
  readonly sha256: string;
}

/** Thrown when the disk of the machine itself fails, so that it isn't taken for a broken source. */
export class TargetWriteError extends Error {
  readonly code: string | undefined;

  constructor(cause: unknown) {
    super(messageOf(cause), { cause });
    this.code = cause instanceof Error && 'code' in cause && typeof cause.code === 'string' ? cause.code : undefined;
  }
}

/**
 * Writes a new file front to back, leaves holes where 64 KiB blocks are all zero, and hashes on the way. Whatever the
 * length of the file, it holds two windows of 1 MiB: one is filled while the other is on its way to the disk.
 */
class SparseWriter {
  readonly #file: FileHandle;
  readonly #hash = createHash('sha256');
  #window = Buffer.allocUnsafe(WINDOW_BYTES);
  #other = Buffer.allocUnsafe(WINDOW_BYTES);
  #filled = 0;
  #flushed = 0;
  #writing: Promise<void> = Promise.resolve();

  /** @param file open for writing, and empty */
  constructor(file: FileHandle) {
    this.#file = file;
  }

  /** Bytes taken so far. */
  get sizeBytes(): number {
    return this.#flushed + this.#filled;
  }

  async write(piece: Uint8Array): Promise<void> {
    for (let taken = 0; taken < piece.length; ) {
      const count = Math.min(piece.length - taken, WINDOW_BYTES - this.#filled);
      this.#window.set(piece.subarray(taken, taken + count), this.#filled);
      this.#filled += count;
      taken += count;
      if (this.#filled === WINDOW_BYTES) await this.#flush();
    }
  }

  /** Writes what is left, sets the length (the file may end in a hole) and makes the content durable. */
  async finish(): Promise<Written> {
    await this.#flush();
    await this.#writing;
    try {
      await this.#file.truncate(this.#flushed);
      await this.#file.sync();
    } catch (error) {
      throw new TargetWriteError(error);
    }
    return { sizeBytes: this.#flushed, sha256: this.#hash.digest('hex') };
  }

  async #flush(): Promise<void> {
    await this.#writing;
    const full = this.#window.subarray(0, this.#filled);
    const offset = this.#flushed;
    [this.#window, this.#other] = [this.#other, this.#window];
    this.#flushed += this.#filled;
    this.#filled = 0;
    this.#writing = this.#writeRuns(full, offset);
    // The failure is thrown where the promise is awaited; until then it must not count as unhandled.
    this.#writing.catch(() => undefined);
    this.#hash.update(full);
  }

  async #writeRuns(bytes: Buffer, offset: number): Promise<void> {
    for (const { from, to } of nonZeroRuns(bytes)) {
      try {
        for (let at = from; at < to; ) {
          const { bytesWritten } = await this.#file.write(bytes, at, to - at, offset + at);
          at += bytesWritten;
        }
      } catch (error) {
        throw new TargetWriteError(error);
      }
    }
  }
}

/** The parts of `bytes`, in whole 64 KiB blocks, that aren't all zero. */
export function* nonZeroRuns(bytes: Buffer): Generator<{ readonly from: number; readonly to: number }> {
  let from: number | undefined;
  for (let at = 0; at < bytes.length; at += BLOCK_BYTES) {
    const block = bytes.subarray(at, at + BLOCK_BYTES);
    const zero = block.equals(block.length === BLOCK_BYTES ? ZEROS : ZEROS.subarray(0, block.length));
    if (zero && from !== undefined) {
      yield { from, to: at };
      from = undefined;
    } else if (!zero) {
      from ??= at;
    }
  }
  if (from !== undefined) yield { from, to: bytes.length };
}

export interface CopyOptions {
  readonly onProgress?: (doneBytes: number) => void;
  readonly signal?: AbortSignal;
}

/**
 * Copies `source` into a new file at `target`, which must not exist, sparse and hashed; durable when it ends.
 * @throws TargetWriteError when the target can't be written; the signal's reason when it aborts; else what the source threw
 */
export async function sparseCopy(
  source: AsyncIterable<Uint8Array>,
  target: string,
  options: CopyOptions = {},
): Promise<Written> {
  const file = await openTarget(target);
  try {
    const writer = new SparseWriter(file);
    for await (const piece of source) {
      options.signal?.throwIfAborted();
      await writer.write(piece);
      options.onProgress?.(writer.sizeBytes);
    }
    options.signal?.throwIfAborted();
    return await writer.finish();
  } finally {
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
