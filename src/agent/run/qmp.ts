import { createConnection, type Socket } from 'node:net';
import { createInterface } from 'node:readline';
import { z } from 'zod';
import { failed, messageOf, type Result, success } from '../failure.ts';

const greetingSchema = z.object({
  QMP: z.object({
    version: z.object({ qemu: z.object({ major: z.int(), minor: z.int(), micro: z.int() }) }),
  }),
});

const eventSchema = z.object({ event: z.string(), data: z.record(z.string(), z.unknown()).default({}) });

const replySchema = z.object({
  id: z.int(),
  return: z.unknown().optional(),
  error: z.object({ class: z.string(), desc: z.string() }).optional(),
});

export type QmpEvent = z.infer<typeof eventSchema>;

export interface QmpClient {
  /** As the greeting says, `10.0.2`. */
  readonly qemuVersion: string;
  /**
   * Runs a command and reads its answer with `schema`. Fails with `QMPCommandFailed` (QEMU refuses), `QMPTimeout`
   * (QEMU hangs), `QMPClosed` (QEMU is gone) or `QMPAnswerUnexpected`.
   */
  execute<T>(
    command: string,
    schema: z.ZodType<T>,
    options?: { readonly arguments?: object; readonly timeoutMilliseconds?: number },
  ): Promise<Result<T>>;
  /** Runs a command of the human monitor and gives what it printed. */
  humanMonitor(commandLine: string): Promise<Result<string>>;
  /** Calls `listener` for each event until the function that it returns is called. */
  onEvent(listener: (event: QmpEvent) => void): () => void;
  close(): void;
}

const COMMAND_TIMEOUT_MILLISECONDS = 10_000;

/**
 * Connects to QEMU's monitor socket and negotiates, each within `timeoutMilliseconds`. Fails with `QMPUnreachable` when
 * there is no such QEMU yet, and as a command does.
 */
export async function connectQmp(
  socketPath: string,
  timeoutMilliseconds = COMMAND_TIMEOUT_MILLISECONDS,
): Promise<Result<QmpClient>> {
  const connected = await connect(socketPath);
  if (!connected.ok) {
    return connected;
  }
  const client = new Client(connected.value);
  const greeting = await client.greeted(timeoutMilliseconds);
  if (!greeting.ok) {
    client.close();
    return greeting;
  }
  const { major, minor, micro } = greeting.value.QMP.version.qemu;
  client.qemuVersion = `${major}.${minor}.${micro}`;
  const negotiated = await client.execute('qmp_capabilities', z.unknown(), { timeoutMilliseconds });
  if (!negotiated.ok) {
    client.close();
    return negotiated;
  }
  return success(client);
}

function connect(socketPath: string): Promise<Result<Socket>> {
  return new Promise((resolve) => {
    const socket = createConnection(socketPath);
    socket.once('connect', () => resolve(success(socket)));
    socket.once('error', (error) => resolve(failed('QMPUnreachable', messageOf(error))));
  });
}

class Client implements QmpClient {
  qemuVersion = '';
  readonly #greeting: Promise<Result<z.infer<typeof greetingSchema>>>;
  readonly #socket: Socket;
  readonly #listeners = new Set<(event: QmpEvent) => void>();
  readonly #waiting = new Map<number, (reply: Result<unknown>) => void>();
  #nextId = 1;
  #closed = false;
  #greet: (greeting: Result<z.infer<typeof greetingSchema>>) => void = () => {};

  constructor(socket: Socket) {
    this.#socket = socket;
    this.#greeting = new Promise((resolve) => {
      this.#greet = resolve;
    });
    // QEMU that is killed resets the connection: the same to us as its close, which follows. readline passes it on.
    const ignoreReset = () => {};
    socket.on('error', ignoreReset);
    createInterface({ input: socket })
      .on('line', (line) => this.#receive(line))
      .on('error', ignoreReset);
    socket.once('close', () => this.#end());
  }

  async greeted(timeoutMilliseconds: number): Promise<Result<z.infer<typeof greetingSchema>>> {
    const late = failed('QMPTimeout', `QEMU's monitor did not greet within ${timeoutMilliseconds} ms.`);
    const timer = setTimeout(() => this.#greet(late), timeoutMilliseconds);
    const greeting = await this.#greeting;
    clearTimeout(timer);
    return greeting;
  }

  execute<T>(
    command: string,
    schema: z.ZodType<T>,
    options: { readonly arguments?: object; readonly timeoutMilliseconds?: number } = {},
  ): Promise<Result<T>> {
    if (this.#closed) {
      return Promise.resolve(failed('QMPClosed', `QEMU is gone; ${command} can't be asked.`));
    }
    const id = this.#nextId++;
    const milliseconds = options.timeoutMilliseconds ?? COMMAND_TIMEOUT_MILLISECONDS;
    return new Promise((resolve) => {
      const finish = (reply: Result<unknown>) => {
        clearTimeout(timer);
        this.#waiting.delete(id);
        resolve(reply.ok ? readAnswer(command, schema, reply.value) : reply);
      };
      const timer = setTimeout(
        () => finish(failed('QMPTimeout', `QEMU gave no answer to ${command} within ${milliseconds} ms.`)),
        milliseconds,
      );
      this.#waiting.set(id, finish);
      this.#socket.write(`${JSON.stringify({ execute: command, arguments: options.arguments, id })}\n`);
    });
  }

  humanMonitor(commandLine: string): Promise<Result<string>> {
    return this.execute('human-monitor-command', z.string(), { arguments: { 'command-line': commandLine } });
  }

  onEvent(listener: (event: QmpEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
    };
  }

  close(): void {
    this.#socket.destroy();
  }

  #receive(line: string): void {
    const message = parse(line);
    const event = eventSchema.safeParse(message);
    if (event.success) {
      for (const listener of this.#listeners) {
        listener(event.data);
      }
      return;
    }
    const reply = replySchema.safeParse(message);
    if (reply.success) {
      const { id, error } = reply.data;
      this.#waiting.get(id)?.(
        error === undefined ? success(reply.data.return) : failed('QMPCommandFailed', error.desc),
      );
      return;
    }
    const greeting = greetingSchema.safeParse(message);
    if (greeting.success) {
      this.#greet(success(greeting.data));
    }
  }

  #end(): void {
    this.#closed = true;
    this.#greet(failed('QMPClosed', 'QEMU closed its monitor before it greeted.'));
    for (const finish of [...this.#waiting.values()]) {
      finish(failed('QMPClosed', 'QEMU went away before it answered.'));
    }
  }
}

function parse(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}

function readAnswer<T>(command: string, schema: z.ZodType<T>, value: unknown): Result<T> {
  const parsed = schema.safeParse(value);
  return parsed.success
    ? success(parsed.data)
    : failed('QMPAnswerUnexpected', `QEMU's answer to ${command} isn't understood: ${parsed.error.message}`);
}
