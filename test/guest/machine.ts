import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { execa } from 'execa';
import { z } from 'zod';

const qmpAnswer = z.object({ return: z.unknown().optional(), error: z.object({ desc: z.string() }).optional() });

/** Calls `attempt` until it gives a value, at most `milliseconds` long. */
async function until<T>(what: string, milliseconds: number, attempt: () => T | undefined | Promise<T | undefined>) {
  const deadline = performance.now() + milliseconds;
  for (;;) {
    const value = await attempt();
    if (value !== undefined) {
      return value;
    }
    if (performance.now() > deadline) {
      throw new Error(`waited ${milliseconds} ms in vain for ${what}`);
    }
    await delay(50);
  }
}

async function connectTo(file: string): Promise<Socket> {
  return await until(`a listener at ${file}`, 10_000, async () => {
    const socket = connect(file);
    try {
      await once(socket, 'connect');
      return socket;
    } catch {
      // QEMU makes its sockets a moment after its start.
      return undefined;
    }
  });
}

/** The part of a started process that is used here. */
interface QemuProcess extends PromiseLike<unknown> {
  kill(signal: 'SIGKILL'): boolean;
}

/** A disk in a QEMU process of this machine, seen through its serial line and QMP. */
export class GuestMachine {
  readonly #process: QemuProcess;
  readonly #serial: Socket;
  readonly #qmp: Socket;
  #serialText = '';
  #qmpText = '';

  private constructor(process: QemuProcess, serial: Socket, qmp: Socket) {
    this.#process = process;
    this.#serial = serial;
    this.#qmp = qmp;
    serial.on('data', (data) => {
      this.#serialText += data.toString();
    });
    qmp.on('data', (data) => {
      this.#qmpText += data.toString();
    });
    // A guest that stops takes its sockets along; what was expected of it shows in the text or the exit code.
    serial.on('error', () => serial.destroy());
    qmp.on('error', () => qmp.destroy());
  }

  /** Starts the default machine with `disk`; its sockets lie in `folder`. */
  static async start(
    disk: string,
    folder: string,
    options: { memoryMiB?: number; nic?: string; writeCache?: 'on' | 'off' } = {},
  ) {
    const [serial, qmp] = [path.join(folder, 'serial.sock'), path.join(folder, 'qmp.sock')];
    const process = execa(
      'qemu-system-i386',
      [
        ...['-nodefaults', '-M', 'pc', '-cpu', 'pentium2', '-m', String(options.memoryMiB ?? 512), '-display', 'none'],
        ...['-accel', 'tcg,tb-size=128', '-vga', 'std', '-rtc', 'base=localtime'],
        ...['-netdev', 'user,id=n0,restrict=on'],
        ...['-device', `${options.nic ?? 'ne2k_pci'},netdev=n0,mac=52:54:00:0a:0b:0c`],
        ...[
          '-drive',
          `if=none,id=d0,file=${disk},format=qcow2`,
          '-device',
          `ide-hd,drive=d0,bus=ide.0,write-cache=${options.writeCache ?? 'off'}`,
        ],
        ...['-chardev', `socket,id=s0,path=${serial},server=on,wait=on`, '-device', 'isa-serial,chardev=s0'],
        ...['-qmp', `unix:${qmp},server=on,wait=off`],
      ],
      { reject: false, all: true },
    );
    // QEMU waits for the serial client (wait=on) before it makes the QMP socket, so that no line is lost.
    const serialSocket = await connectTo(serial);
    const machine = new GuestMachine(process, serialSocket, await connectTo(qmp));
    await machine.command('qmp_capabilities');
    return machine;
  }

  /** Everything the guest has written to its serial line. */
  get text(): string {
    return this.#serialText;
  }

  /** Waits for `pattern` in what the guest writes after character `from`. */
  async expect(pattern: RegExp, milliseconds = 30_000, from = 0): Promise<RegExpExecArray> {
    return await until(
      `${pattern} on the serial line`,
      milliseconds,
      () => pattern.exec(this.#serialText.slice(from)) ?? undefined,
    );
  }

  /** Types a line and waits for the guest's `ok`. */
  async type(line: string, milliseconds = 30_000): Promise<void> {
    const from = this.#serialText.length;
    this.#serial.write(`${line}\n`);
    await this.expect(new RegExp(`LOCO-GUEST ok ${line}\\r?\\n`), milliseconds, from);
  }

  /** Runs a QMP command; events that come in between are dropped. */
  async command(execute: string, parameters: Record<string, unknown> = {}): Promise<unknown> {
    this.#qmpText = '';
    this.#qmp.write(`${JSON.stringify({ execute, arguments: parameters })}\n`);
    const answer = await until(`an answer to ${execute}`, 10_000, () => {
      for (const line of this.#qmpText.split('\n').filter((text) => text.trim().endsWith('}'))) {
        const parsed = qmpAnswer.parse(JSON.parse(line));
        if (parsed.return !== undefined || parsed.error !== undefined) {
          return parsed;
        }
      }
      return undefined;
    });
    if (answer.error !== undefined) {
      throw new Error(`${execute}: ${answer.error.desc}`);
    }
    return answer.return;
  }

  /** Waits until QEMU has ended by itself. */
  async ended(milliseconds = 20_000): Promise<void> {
    const ended = await Promise.race([this.#process.then(() => true), delay(milliseconds, false, { ref: false })]);
    if (!ended) {
      throw new Error(`QEMU still runs after ${milliseconds} ms:\n${this.#serialText.slice(-500)}`);
    }
  }

  /** Kills QEMU as a power cut would. */
  async kill(): Promise<void> {
    this.#process.kill('SIGKILL');
    await this.#process;
  }
}
