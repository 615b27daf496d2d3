import { createHash, type Hash } from 'node:crypto';

const ZEROS = Buffer.alloc(1024 * 1024);

/** sha256 of what a guest sees of its disk, front to back. */
export class GuestHash {
  readonly #hash: Hash = createHash('sha256');
  #offset = 0;

  update(bytes: Buffer): void {
    this.#hash.update(bytes);
    this.#offset += bytes.length;
  }

  zeros(count: number): void {
    for (let left = count; left > 0; left -= ZEROS.length) this.update(ZEROS.subarray(0, Math.min(left, ZEROS.length)));
  }

  zerosUpTo(offset: number): void {
    this.zeros(offset - this.#offset);
  }

  /** In hexadecimal; the last thing to ask for. */
  digest(): string {
    return this.#hash.digest('hex');
  }
}
