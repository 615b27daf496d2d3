import { createConnection } from 'node:net';
import type { Logger } from 'pino';
import type { Clock } from '../environment.ts';
import { failed, messageOf, type Result, success } from '../failure.ts';
import { LineBudget } from './line-budget.ts';

export interface SerialLine {
  /** Types the text into the guest's first serial port. */
  write(text: string): void;
  close(): void;
}

/** A longer line is cut into pieces of this many characters. */
const MAXIMUM_LINE = 1000;

/**
 * Connects to the socket behind the guest's first serial port and logs the lines that the guest says, as long as they
 * aren't too many (line-budget.ts). Fails with `SerialUnreachable`.
 */
export function connectSerialLine(socketPath: string, clock: Clock, log: Logger): Promise<Result<SerialLine>> {
  return new Promise((resolve) => {
    const socket = createConnection(socketPath);
    socket.setEncoding('latin1');
    const budget = new LineBudget(
      clock,
      (line) => log.info({ serial: line }, 'The guest says on its serial line'),
      (leftOut) => log.warn({ leftOut }, 'The guest says more on its serial line than the log takes'),
    );
    const lines = new LineCutter((line) => budget.push(line));
    socket.on('data', (text: string) => lines.push(text));
    socket.once('connect', () =>
      resolve(success({ write: (text) => socket.write(text, 'latin1'), close: () => socket.destroy() })),
    );
    // After the connection an error means that QEMU is gone, which its supervisor sees by itself.
    socket.on('error', (error) => resolve(failed('SerialUnreachable', messageOf(error))));
    socket.once('close', () => {
      lines.end();
      budget.end();
    });
  });
}

/** Makes lines of text that comes in pieces; line ends are LF, CR or both, and empty lines are left out. */
export class LineCutter {
  readonly #onLine: (line: string) => void;
  #rest = '';

  constructor(onLine: (line: string) => void) {
    this.#onLine = onLine;
  }

  push(text: string): void {
    const pieces = (this.#rest + text).split(/[\r\n]+/);
    this.#rest = pieces.pop() ?? '';
    for (const piece of pieces) {
      this.#emit(piece);
    }
    while (this.#rest.length > MAXIMUM_LINE) {
      this.#emit(this.#rest.slice(0, MAXIMUM_LINE));
      this.#rest = this.#rest.slice(MAXIMUM_LINE);
    }
  }

  end(): void {
    this.#emit(this.#rest);
    this.#rest = '';
  }

  #emit(line: string): void {
    if (line !== '') {
      this.#onLine(line.slice(0, MAXIMUM_LINE));
    }
  }
}
