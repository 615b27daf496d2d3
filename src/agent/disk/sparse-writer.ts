import { createHash } from 'node:crypto';
import type { FileHandle } from 'node:fs/promises';
import { messageOf } from '../failure.ts';

/** What a reader fills before it hands it over; the only memory that a copy takes, {@link WINDOWS} times. */
export const WINDOW_BYTES = 1024 ** 2;
const WINDOWS = 6;
/** So much is left to write at most when the disk's end is reached; the rest is on its way to the volume long before. */
const SYNC_BYTES = 32 * 1024 ** 2;
const BLOCK_BYTES = 64 * 1024;
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

/** What the writer needs of an open file. */
type TargetFile = Pick<FileHandle, 'write' | 'truncate' | 'sync' | 'datasync'>;

/**
 * Writes a new file front to back, leaves holes where 64 KiB blocks are all zero, and hashes on the way. Three things
 * go on at once: this thread hashes one window, libuv's threads write the ones before it, and the kernel brings what
 * was written to the volume. SHA-256 is one chain over all bytes, holes too, so nothing is faster than this thread.
 */
export class SparseWriter {
  readonly #file: TargetFile;
  readonly #hash = createHash('sha256');
  readonly #free: Buffer[] = Array.from({ length: WINDOWS }, () => Buffer.allocUnsafe(WINDOW_BYTES));
  #taken = 0;
  #unsynced = 0;
  /** The windows' writes, one after the other. */
  #writing: Promise<void> = Promise.resolve();
  #syncing: Promise<void> | undefined;
  /** The first thing that went wrong in the background. */
  #failure: TargetWriteError | undefined;
  /** Those who wait for a window. */
  readonly #waiting: (() => void)[] = [];

  /** @param file open for writing, and empty */
  constructor(file: TargetFile) {
    this.#file = file;
  }

  /** Bytes taken so far. */
  get sizeBytes(): number {
    return this.#taken;
  }

  /** A window of {@link WINDOW_BYTES} to fill and to give to {@link take}; waits until one has been written. */
  async window(): Promise<Buffer> {
    for (;;) {
      if (this.#failure !== undefined) throw this.#failure;
      const window = this.#free.pop();
      if (window !== undefined) return window;
      await new Promise<void>((resolve) => {
        this.#waiting.push(resolve);
      });
    }
  }

  /** Takes the file's next bytes, the first `length` of a window; all of it, except at the end. */
  take(window: Buffer, length: number): void {
    const bytes = window.subarray(0, length);
    const offset = this.#taken;
    this.#taken += length;
    this.#writing = this.#writing.then(async () => {
      if (this.#failure === undefined) await this.#writeRuns(bytes, offset);
      this.#free.push(window);
      this.#wake();
    });
    this.#hash.update(bytes);
  }

  /** Sets the length (the file may end in a hole) and makes the content durable. */
  async finish(): Promise<Written> {
    await this.settle();
    if (this.#failure === undefined) {
      await this.#orFail(async () => {
        await this.#file.truncate(this.#taken);
        await this.#file.sync();
      });
    }
    if (this.#failure !== undefined) throw this.#failure;
    return { sizeBytes: this.#taken, sha256: this.#hash.digest('hex') };
  }

  /** Ends when nothing is written in the background any more. */
  async settle(): Promise<void> {
    await this.#writing;
    await this.#syncing;
  }

  async #writeRuns(bytes: Buffer, offset: number): Promise<void> {
    await this.#orFail(async () => {
      for (const { from, to } of nonZeroRuns(bytes)) {
        for (let at = from; at < to; ) {
          const { bytesWritten } = await this.#file.write(bytes, at, to - at, offset + at);
          at += bytesWritten;
        }
        this.#unsynced += to - from;
      }
    });
    if (this.#unsynced >= SYNC_BYTES) this.#startSync();
  }

  /** Never a second one meanwhile: on a volume slower than the source, one that catches up with all is enough. */
  #startSync(): void {
    if (this.#syncing !== undefined) return;
    this.#unsynced = 0;
    this.#syncing = this.#orFail(() => this.#file.datasync()).then(() => {
      this.#syncing = undefined;
    });
  }

  #wake(): void {
    for (const resolve of this.#waiting.splice(0)) resolve();
  }

  /** The kernel tells of a failed write once, to the sync that meets it: none of them may go unheard. */
  async #orFail(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      this.#failure ??= new TargetWriteError(error);
      this.#wake();
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
