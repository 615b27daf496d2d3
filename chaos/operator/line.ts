import net from 'node:net';

/** What a line does with bytes. */
export type LineState =
  /** Passes them on. */
  | 'Up'
  /** Connections end with a reset, and new ones are refused. */
  | 'Cut'
  /** Connections stay and nothing comes through them any more, as behind a router that forgot them; nobody is told. */
  | 'HalfOpen';

/**
 * A TCP connection between two programs that can be cut and half-opened. Connections that were half-opened once stay
 * dead when the line is up again: what a router forgot doesn't come back, only new connections get through.
 */
export class Line {
  readonly #server: net.Server;
  readonly #upstream: { readonly host: string; readonly port: number };
  readonly #open = new Set<Pair>();
  #state: LineState = 'Up';

  private constructor(upstream: { host: string; port: number }) {
    this.#upstream = upstream;
    this.#server = net.createServer((client) => this.#accept(client));
  }

  static async open(host: string, upstream: { host: string; port: number }): Promise<Line> {
    const line = new Line(upstream);
    await new Promise<void>((resolve, reject) => {
      line.#server.once('error', reject);
      line.#server.listen(0, host, resolve);
    });
    return line;
  }

  get port(): number {
    const address = this.#server.address();
    if (typeof address !== 'object' || address === null) throw new Error('the line is closed');
    return address.port;
  }

  /** Connections that are open to the near side, dead ones among them. */
  get connections(): number {
    return this.#open.size;
  }

  set(state: LineState): void {
    this.#state = state;
    if (state === 'Cut') for (const pair of this.#open) pair.reset();
    if (state === 'HalfOpen') for (const pair of this.#open) pair.silence();
  }

  async close(): Promise<void> {
    for (const pair of this.#open) pair.reset();
    await new Promise((resolve) => {
      this.#server.close(resolve);
    });
  }

  #accept(client: net.Socket): void {
    if (this.#state === 'Cut') {
      client.on('error', () => undefined).resetAndDestroy();
      return;
    }
    const pair = new Pair(client, this.#state === 'HalfOpen' ? undefined : this.#upstream);
    this.#open.add(pair);
    client.once('close', () => this.#open.delete(pair));
  }
}

/** Both sides of one connection. */
class Pair {
  readonly #client: net.Socket;
  readonly #server: net.Socket | undefined;

  /** Without an upstream it is silent from the beginning. */
  constructor(client: net.Socket, upstream: { host: string; port: number } | undefined) {
    this.#client = client;
    client.on('error', () => this.#server?.destroy());
    if (upstream === undefined) {
      client.resume();
      return;
    }
    const server = net.connect({ ...upstream, noDelay: true });
    this.#server = server;
    client.setNoDelay(true);
    client.pipe(server).pipe(client);
    // A dead side takes the other along; which error it was is told by neither.
    server.on('error', () => client.destroy());
    server.once('close', () => this.#onServerClosed());
    client.once('close', () => server.destroy());
  }

  #silent = false;

  #onServerClosed(): void {
    if (!this.#silent) this.#client.destroy();
  }

  reset(): void {
    this.#client.resetAndDestroy();
    this.#server?.resetAndDestroy();
  }

  /** What either side sends from now on is lost; the near one is kept open and hears nothing, not even an end. */
  silence(): void {
    this.#silent = true;
    this.#client.unpipe();
    this.#server?.unpipe();
    this.#client.resume();
    this.#server?.resetAndDestroy();
  }
}
