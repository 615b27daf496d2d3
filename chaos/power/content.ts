/** The content of a file while it is put together from writes. */
export class Content {
  #room: Buffer;
  #length: number;

  constructor(bytes: Buffer = Buffer.alloc(0)) {
    this.#room = Buffer.from(bytes);
    this.#length = bytes.length;
  }

  get bytes(): Buffer {
    return this.#room.subarray(0, this.#length);
  }

  get length(): number {
    return this.#length;
  }

  write(offset: number, bytes: Buffer): void {
    this.resize(Math.max(this.#length, offset + bytes.length));
    bytes.copy(this.#room, offset);
  }

  resize(sizeBytes: number): void {
    if (sizeBytes > this.#room.length) {
      const larger = Buffer.alloc(Math.max(sizeBytes, 2 * this.#room.length));
      this.bytes.copy(larger);
      this.#room = larger;
    } else if (sizeBytes < this.#length) {
      this.#room.fill(0, sizeBytes, this.#length);
    }
    this.#length = sizeBytes;
  }
}
