/** Who is told of an answer as it comes. */
export interface AnswerListener {
  /** Once, when the headers have come. */
  readonly onStatus: (code: number) => void;
  /** Each line of the body that has its end. */
  readonly onLine: (line: string) => void;
}

/** Longer than any report; headers or lines without an end must not fill the memory. */
const MOST_BYTES = 256 * 1024;

const STATUS = /^HTTP\/1\.[01] (\d{3})(?: |\r|$)/;
const CHUNKED = /\r\ntransfer-encoding:[ \t]*chunked[ \t]*(?:\r|$)/i;
const CHUNK_SIZE = /^([0-9a-f]{1,8})[ \t]*(?:;|$)/i;

/**
 * Reads the lines of one HTTP/1.1 answer on a connection of its own (RFC 9112). Its body goes on until the connection
 * ends, or comes in chunks, in which a proxy on the way may have cut it anywhere. It takes half the memory of Node's
 * HTTP client, of which an operator would need one for each machine.
 *
 * Whoever answers may mean no good: of what has no end yet no more than 256 KiB are kept, and tiny chunks cost no more
 * than large ones.
 */
export class AnswerLines {
  readonly #listener: AnswerListener;
  #part: 'Headers' | 'Body' | 'ChunkSize' | 'Chunk' | 'ChunkEnd' | 'End' = 'Headers';
  /** Bytes that couldn't be read yet, as the characters of their values. */
  #bytes = '';
  #ofChunk = 0;
  /** Of the body, what the bytes at hand have brought. */
  #news = '';
  #line = '';

  constructor(listener: AnswerListener) {
    this.#listener = listener;
  }

  /** Has it said that this was all? One that isn't in chunks ends with its connection. */
  get hasEnded(): boolean {
    return this.#part === 'End';
  }

  /**
   * Takes the next bytes, as a `latin1` text.
   * @throws when they are no HTTP or a line doesn't end, and what the listener throws; nothing may be given to it any
   * more then
   */
  accept(bytes: string): void {
    this.#bytes += bytes;
    while (this.#read());
    // Once for all chunks: a line that goes on isn't looked through again for each of them.
    this.#readLines();
    if (this.#bytes.length + this.#line.length > MOST_BYTES) {
      throw new Error(`the answer has more than ${MOST_BYTES} bytes without the end of a line`);
    }
  }

  /** The connection has ended. @throws when the answer hasn't */
  end(): void {
    if (this.#part === 'Headers') throw new Error('the connection was closed without an answer');
    if (this.#part !== 'Body' && this.#part !== 'End') throw new Error('the connection was closed in the middle');
  }

  /** Reads one part; false when more bytes have to come first. */
  #read(): boolean {
    if (this.#part === 'Headers') return this.#readHeaders();
    if (this.#part === 'ChunkSize') return this.#readChunkSize();
    if (this.#part === 'Chunk') return this.#readChunk();
    if (this.#part === 'ChunkEnd') return this.#readChunkEnd();
    if (this.#part === 'Body') this.#news += this.#bytes;
    this.#bytes = '';
    return false;
  }

  #readHeaders(): boolean {
    const headers = this.#upTo('\r\n\r\n');
    if (headers === undefined) return false;
    const code = STATUS.exec(headers)?.[1];
    if (code === undefined) throw new Error('the answer is not HTTP');
    this.#part = CHUNKED.test(headers) ? 'ChunkSize' : 'Body';
    this.#listener.onStatus(Number(code));
    return true;
  }

  #readChunkSize(): boolean {
    const line = this.#upTo('\r\n');
    if (line === undefined) return false;
    const size = CHUNK_SIZE.exec(line)?.[1];
    if (size === undefined) throw new Error('the answer has a chunk without a size');
    this.#ofChunk = Number.parseInt(size, 16);
    this.#part = this.#ofChunk === 0 ? 'End' : 'Chunk';
    return true;
  }

  #readChunk(): boolean {
    const bytes = this.#bytes.slice(0, this.#ofChunk);
    this.#bytes = this.#bytes.slice(bytes.length);
    this.#ofChunk -= bytes.length;
    this.#news += bytes;
    if (this.#ofChunk > 0) return false;
    this.#part = 'ChunkEnd';
    return true;
  }

  #readChunkEnd(): boolean {
    const line = this.#upTo('\r\n');
    if (line === undefined) return false;
    if (line !== '') throw new Error('the answer has a chunk that is longer than its size');
    this.#part = 'ChunkSize';
    return true;
  }

  #readLines(): void {
    const lines = `${this.#line}${this.#news}`.split('\n');
    this.#news = '';
    this.#line = lines.pop() ?? '';
    for (const line of lines) this.#listener.onLine(Buffer.from(line, 'latin1').toString('utf8'));
  }

  /** Takes what comes before this mark, and the mark; undefined before it has come. */
  #upTo(mark: string): string | undefined {
    const end = this.#bytes.indexOf(mark);
    if (end === -1) return undefined;
    const part = this.#bytes.slice(0, end);
    this.#bytes = this.#bytes.slice(end + mark.length);
    return part;
  }
}
