import { HEADER_BYTES, parseQcow2Header } from '../disk/qcow2-header.ts';
import { reserveBytes } from '../disk/reserve.ts';
import { mebibytes, type Space } from '../disk/space.ts';
import type { Failure } from '../failure.ts';

/** Carries a failure out of the stream that found it. */
export class RefusedInput extends Error {
  readonly failure: Failure;

  constructor(failure: Failure) {
    super(failure.message);
    this.failure = failure;
  }
}

const HEADER_ENOUGH_BYTES = 4096;

/** Passes the input on, unless its first bytes already tell that it can't be used: nobody should send 2 GiB for that. */
export async function* refuseEarly(input: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let start: Uint8Array | undefined = Buffer.alloc(0);
  for await (const piece of input) {
    if (start !== undefined) {
      start = Buffer.concat([start, piece]);
      if (start.length >= HEADER_ENOUGH_BYTES) {
        judge(start, Number.MAX_SAFE_INTEGER);
        start = undefined;
      }
    }
    yield piece;
  }
  if (start !== undefined) judge(start, start.length);
}

function judge(start: Uint8Array, fileBytes: number): void {
  const header = parseQcow2Header(start.subarray(0, HEADER_BYTES), fileBytes);
  if (!header.ok) throw new RefusedInput(header.failure);
}

const LOOK_BYTES = 4 * 1024 ** 2;
/** For records and the file system's tables, besides the reserve. */
const SPARE_BYTES = 4 * 1024 ** 2;

/**
 * Passes the input on while the volume has room for it. Nobody knows how long a standard input is, so what is free is
 * looked at on the way, and the last of it is left for the reserve and for what is written when the disk is published.
 * @param look what is free now
 */
export async function* whileThereIsRoom(
  input: AsyncIterable<Uint8Array>,
  look: () => Promise<Space>,
): AsyncGenerator<Uint8Array> {
  let received = 0;
  let looked = Number.NEGATIVE_INFINITY;
  for await (const piece of input) {
    if (received - looked >= LOOK_BYTES) {
      refuseWithout(await look(), received);
      looked = received;
    }
    received += piece.length;
    yield piece;
  }
}

function refuseWithout(space: Space, received: number): void {
  const kept = reserveBytes(space.totalBytes) + SPARE_BYTES;
  if (space.freeBytes >= kept + LOOK_BYTES) return;
  throw new RefusedInput({
    reason: 'NoSpace',
    message: `The volume has no room for this disk: after ${mebibytes(received)} MiB of it, ${mebibytes(space.freeBytes)} of ${mebibytes(space.totalBytes)} MiB are free, and ${mebibytes(kept)} of them are kept for the reserve and the file system. Make the volume larger (storage.size) and import again.`,
  });
}
