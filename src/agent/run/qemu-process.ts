import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { rm } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import type { Logger } from 'pino';
import { z } from 'zod';
import type { Clock } from '../environment.ts';
import { failed, messageOf, type Result, success } from '../failure.ts';
import { LineBudget } from './line-budget.ts';
import type { QemuEndpoints } from './qemu-arguments.ts';
import { connectQmp, type QmpClient } from './qmp.ts';
import { connectSerialLine, type SerialLine } from './serial-line.ts';

/** A QEMU process that answers its monitor; its guest stands still until `cont`. */
export interface Qemu {
  readonly pid: number;
  readonly qmp: QmpClient;
  readonly serial: SerialLine;
  readonly exited: Promise<QemuExit>;
  kill(): void;
}

/** How the process ended. */
export interface QemuExit {
  /** Null when a signal ended it, or it never started. */
  readonly code: number | null;
  readonly signal: string | null;
  /** The same for people, with QEMU's last words. */
  readonly description: string;
}

export interface StartOptions {
  readonly program: string;
  readonly arguments: readonly string[];
  readonly endpoints: QemuEndpoints;
  /** Open in QEMU too, so that the lock on the volume lives as long as QEMU, even when the agent is killed. */
  readonly lockDescriptor: number;
  /** Ends the start, and QEMU with it: its guest has not run. */
  readonly stop: AbortSignal;
  readonly clock: Clock;
  readonly log: Logger;
}

/** Long enough for a node under load; QEMU itself needs 0.1 s. */
const START_MILLISECONDS = 30_000;
const RETRY_MILLISECONDS = 25;
const KEPT_LINES = 3;

const exitSchema = z.tuple([z.int().nullable(), z.string().nullable()]);

/**
 * Starts QEMU and connects to its monitor and its serial line. Fails with `QEMUStartFailed` and QEMU's own words, also
 * when `stop` aborts.
 */
export async function startQemu(options: StartOptions): Promise<Result<Qemu>> {
  const { stop } = options;
  if (stop.aborted) return stopped();
  const spawned = await spawnQemu(options);
  if (!spawned.ok) return spawned;
  const child = spawned.value;
  const exited = describeExit(child, collectWords(child, options.clock, options.log));
  const kill = () => child.kill('SIGKILL');
  // Its end closes the sockets, which ends every wait for an answer below.
  stop.addEventListener('abort', kill);
  const channels = await connectChannels(options, exited);
  stop.removeEventListener('abort', kill);
  if (channels.ok && !stop.aborted) return success({ ...channels.value, pid: child.pid ?? 0, exited, kill });
  kill();
  const { description } = await exited;
  if (channels.ok) {
    channels.value.qmp.close();
    channels.value.serial.close();
  }
  return stop.aborted ? stopped() : failed('QEMUStartFailed', `QEMU could not be started: ${description}.`);
}

function stopped() {
  return failed('QEMUStartFailed', 'The machine was stopped before its guest ran.');
}

async function spawnQemu({
  program,
  arguments: words,
  endpoints,
  lockDescriptor,
}: StartOptions): Promise<Result<ChildProcess>> {
  try {
    // Left by a QEMU that was killed: connecting to it would fail, and QEMU makes its own.
    await Promise.all([endpoints.qmpSocket, endpoints.serialSocket].map((socket) => rm(socket, { force: true })));
    return success(
      spawn(program, words, {
        stdio: ['ignore', 'pipe', 'pipe', lockDescriptor],
        // A process group of its own: Ctrl-C in a terminal is for the agent, which lets the guest shut down.
        detached: true,
      }),
    );
  } catch (error) {
    return failed('QEMUStartFailed', `QEMU could not be started: ${messageOf(error)}.`);
  }
}

async function connectChannels(
  { endpoints, clock, log }: StartOptions,
  exited: Promise<QemuExit>,
): Promise<Result<Pick<Qemu, 'qmp' | 'serial'>>> {
  const gone = new AbortController();
  exited.then(() => gone.abort());
  const deadline = clock.elapsed() + START_MILLISECONDS;
  let qmp = await connectQmp(endpoints.qmpSocket);
  while (!qmp.ok && !gone.signal.aborted && clock.elapsed() < deadline) {
    await clock.sleep(RETRY_MILLISECONDS, gone.signal);
    qmp = await connectQmp(endpoints.qmpSocket);
  }
  if (!qmp.ok) {
    return qmp;
  }
  const serial = await connectSerialLine(endpoints.serialSocket, clock, log);
  if (!serial.ok) {
    qmp.value.close();
    return serial;
  }
  return success({ qmp: qmp.value, serial: serial.value });
}

/** Logs what QEMU prints, as long as it isn't too much, and keeps its last lines, which say why it ended. */
function collectWords(child: ChildProcess, clock: Clock, log: Logger): string[] {
  const last: string[] = [];
  const budget = new LineBudget(
    clock,
    (line) => log.warn({ qemu: line }, 'QEMU says'),
    (leftOut) => log.warn({ leftOut }, 'QEMU says more than the log takes'),
  );
  child.once('close', () => budget.end());
  const listen = (stream: Readable | null) => {
    if (stream !== null) {
      createInterface({ input: stream }).on('line', (line) => {
        budget.push(line);
        last.push(line);
        last.splice(0, last.length - KEPT_LINES);
      });
    }
  };
  listen(child.stdout);
  listen(child.stderr);
  return last;
}

async function describeExit(child: ChildProcess, words: readonly string[]): Promise<QemuExit> {
  try {
    const [code, signal] = exitSchema.parse(await once(child, 'close'));
    const said = words.length === 0 ? '' : `: ${words.join(' / ')}`;
    const how = signal === null ? `it ended with code ${code}` : `it was ended by ${signal}`;
    return { code, signal, description: `${how}${said}` };
  } catch (error) {
    return { code: null, signal: null, description: messageOf(error) };
  }
}
