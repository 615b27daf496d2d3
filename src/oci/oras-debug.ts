/** What the last answer of a registry was, as far as it is no success. */
export interface LastAnswer {
  /** HTTP status of 400 or more. */
  readonly status?: number | undefined;
  /** What a registry that is asked too often wants us to wait; at most an hour. */
  readonly retryAfterSeconds?: number | undefined;
}

const LONGEST_SECONDS = 3600;

/**
 * Takes the entries that `oras --debug` writes among its messages out of them, and keeps of each only the status and
 * Retry-After of the answer: oras tells neither of them otherwise, and everything else in there is nobody's business.
 */
export class OrasDebug {
  #inEntry = false;
  #blanks = 0;
  #last: LastAnswer = {};

  get last(): LastAnswer {
    return this.#last;
  }

  /** @returns whether the line is one for people */
  isMessage(line: string): boolean {
    if (/^\[[^\]]*\]\[[A-Z]+\]: /.test(line)) {
      this.#inEntry = true;
      this.#blanks = 0;
      return false;
    }
    if (!this.#inEntry) return true;
    this.#blanks = line === '' ? this.#blanks + 1 : 0;
    // Two empty lines end an entry.
    if (this.#blanks === 2) this.#inEntry = false;
    this.#note(line);
    return false;
  }

  #note(line: string): void {
    const status = Number(/^< Response Status: "(\d{3})/.exec(line)?.[1]);
    if (status >= 100) this.#last = status >= 400 ? { status } : {};
    const wanted = /^ {3}"Retry-After": "([^"]*)"$/i.exec(line)?.[1];
    if (wanted === undefined || this.#last.status === undefined) return;
    const seconds = secondsOf(wanted);
    if (seconds !== undefined) this.#last = { ...this.#last, retryAfterSeconds: Math.min(seconds, LONGEST_SECONDS) };
  }
}

/** A number of seconds, or a date (RFC 9110, 10.2.3). */
function secondsOf(text: string): number | undefined {
  if (/^\d{1,9}$/.test(text)) return Number(text);
  const at = Date.parse(text);
  return Number.isNaN(at) ? undefined : Math.max(0, Math.ceil((at - Date.now()) / 1000));
}
