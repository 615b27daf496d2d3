import type { Clock } from '../environment.ts';

/** Besides its own bytes, what a line costs in the log: time, level, names. */
const LINE_OVERHEAD_BYTES = 120;

/** What a guest may say at once, such as the messages of a booting Linux, and for ever (350 MB a day). */
const BURST_BYTES = 512 * 1024;
const BYTES_PER_SECOND = 4 * 1024;

const TELL_MILLISECONDS = 10_000;

/** What was left out since it was last told. */
export interface LeftOut {
  readonly lines: number;
  readonly bytes: number;
}

/**
 * Lets lines pass into the log as long as they aren't too many: a guest (or QEMU) that says the same thing for ever
 * must not fill the node's disk. What is left out is counted, and told at most every 10 s.
 */
export class LineBudget {
  readonly #clock: Clock;
  readonly #pass: (line: string) => void;
  readonly #tell: (leftOut: LeftOut) => void;
  #bytes = BURST_BYTES;
  #filledAt: number;
  #toldAt = Number.NEGATIVE_INFINITY;
  #lines = 0;
  #leftOutBytes = 0;

  constructor(clock: Clock, pass: (line: string) => void, tell: (leftOut: LeftOut) => void) {
    this.#clock = clock;
    this.#pass = pass;
    this.#tell = tell;
    this.#filledAt = clock.elapsed();
  }

  push(line: string): void {
    const now = this.#clock.elapsed();
    const earned = (Math.max(now - this.#filledAt, 0) / 1000) * BYTES_PER_SECOND;
    this.#bytes = Math.min(this.#bytes + earned, BURST_BYTES);
    this.#filledAt = now;
    const cost = line.length + LINE_OVERHEAD_BYTES;
    if (cost <= this.#bytes) {
      this.#bytes -= cost;
      this.#pass(line);
    } else {
      this.#lines += 1;
      this.#leftOutBytes += line.length;
    }
    if (now - this.#toldAt >= TELL_MILLISECONDS) this.#tellLeftOut(now);
  }

  /** Tells what is still untold. */
  end(): void {
    this.#tellLeftOut(this.#clock.elapsed());
  }

  #tellLeftOut(now: number): void {
    if (this.#lines === 0) return;
    this.#tell({ lines: this.#lines, bytes: this.#leftOutBytes });
    this.#toldAt = now;
    this.#lines = 0;
    this.#leftOutBytes = 0;
  }
}
