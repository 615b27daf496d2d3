import { open, stat } from 'node:fs/promises';
import { type AuditEntry, parseAuditLine } from '../../chaos/operator/audit.ts';

const CHUNK_BYTES = 4 * 1024 ** 2;

/** Reads on in an audit log from where it has come to; others' requests are passed over without being parsed. */
export class AuditTail {
  readonly #file: string;
  readonly #mark: string;
  #position: number;
  #rest = '';

  /**
   * Begins at the end of the log as it is now.
   * @param user whose requests are wanted
   */
  static async atEnd(file: string, user: string): Promise<AuditTail> {
    return new AuditTail(file, user, (await stat(file)).size);
  }

  private constructor(file: string, user: string, position: number) {
    this.#file = file;
    this.#mark = `"username":${JSON.stringify(user)}`;
    this.#position = position;
  }

  /** The user's requests that were answered since the last call. */
  async read(): Promise<readonly AuditEntry[]> {
    const entries: AuditEntry[] = [];
    const file = await open(this.#file, 'r');
    try {
      const buffer = Buffer.alloc(CHUNK_BYTES);
      while (true) {
        const { bytesRead } = await file.read(buffer, 0, CHUNK_BYTES, this.#position);
        if (bytesRead === 0) return entries;
        this.#position += bytesRead;
        // A character of several bytes that is cut in two stands in others' texts alone, or costs one entry.
        const lines = `${this.#rest}${buffer.toString('utf8', 0, bytesRead)}`.split('\n');
        this.#rest = lines.pop() ?? '';
        entries.push(
          ...lines.filter((line) => line.includes(this.#mark)).flatMap((line) => parseAuditLine(line) ?? []),
        );
      }
    } finally {
      await file.close();
    }
  }
}
