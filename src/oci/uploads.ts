import { setTimeout as delay } from 'node:timers/promises';
import { explainOras } from './explain-oras.ts';
import type { OciFailure } from './failure.ts';
import { type RegistryAccess, runOras } from './oras.ts';
import type { PackedBlob } from './pack-chunk.ts';
import { type Reference, withDigest } from './reference.ts';

const ATTEMPTS = 3;
const LONGEST_WAIT_SECONDS = 60;
/** Of one blob of 16 MiB at most: 14 KiB a second. */
const TIMEOUT_MILLISECONDS = 20 * 60_000;
/** What another attempt may help against. */
const PASSING: ReadonlySet<string> = new Set(['RegistryUnreachable', 'RegistryFailed', 'RegistryThrottled']);

/** Sends blobs to one repository, one while the next is made. After a failure nothing more is begun. */
export class Uploads {
  readonly #to: Reference;
  readonly #access: RegistryAccess;
  /** Digests that the registry has. */
  readonly #present: Set<string>;
  #running: Promise<void> = Promise.resolve();
  #counts = { sentBytes: 0, presentBytes: 0 };
  #failure: OciFailure | undefined;

  constructor(to: Reference, access: RegistryAccess, present: ReadonlySet<string>) {
    this.#to = to;
    this.#access = access;
    this.#present = new Set(present);
  }

  get failure(): OciFailure | undefined {
    return this.#failure;
  }

  get counts(): { readonly sentBytes: number; readonly presentBytes: number } {
    return this.#counts;
  }

  /** Begins to send a blob as soon as the one before is sent. */
  async add(blob: PackedBlob): Promise<void> {
    if (this.#present.has(blob.digest)) {
      this.#count('presentBytes', blob.bytes.length);
      return;
    }
    this.#present.add(blob.digest);
    await this.#running;
    if (this.#failure === undefined) this.#running = this.#send(blob);
  }

  async end(): Promise<void> {
    await this.#running;
  }

  async #send(blob: PackedBlob): Promise<void> {
    const { registry } = this.#to;
    const reference = withDigest(this.#to, blob.digest);
    for (let attempt = 1; ; attempt += 1) {
      const run = await runOras(this.#access, ['blob', 'push', '--size', `${blob.bytes.length}`, reference, '-'], {
        input: pieces(blob.bytes),
        timeoutMilliseconds: TIMEOUT_MILLISECONDS,
      });
      if (run.ok) {
        this.#count(/^Exists\b/m.test(run.stdout) ? 'presentBytes' : 'sentBytes', blob.bytes.length);
        return;
      }
      const failure = explainOras(run, { registry, reference, pushing: true });
      if (attempt === ATTEMPTS || !PASSING.has(failure.reason) || this.#access.signal?.aborted) {
        this.#failure ??= failure;
        return;
      }
      // oras can't send a body from its standard input a second time by itself.
      if (!(await this.#pause(failure.retryAfterSeconds ?? 2 ** attempt))) {
        this.#failure ??= failure;
        return;
      }
    }
  }

  /** Gives false when the signal aborts first. */
  async #pause(seconds: number): Promise<boolean> {
    const { signal } = this.#access;
    try {
      await delay(1000 * Math.min(seconds, LONGEST_WAIT_SECONDS), undefined, signal === undefined ? {} : { signal });
      return true;
    } catch (error) {
      if (signal?.aborted) return false;
      throw error;
    }
  }

  #count(what: 'sentBytes' | 'presentBytes', bytes: number): void {
    this.#counts = { ...this.#counts, [what]: this.#counts[what] + bytes };
  }
}

const PIECE_BYTES = 256 * 1024;

function* pieces(bytes: Buffer): Generator<Buffer> {
  for (let at = 0; at < bytes.length; at += PIECE_BYTES) yield bytes.subarray(at, at + PIECE_BYTES);
}
