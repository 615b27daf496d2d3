import type http from 'node:http';
import https from 'node:https';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Random } from '../random.ts';

/** What can go wrong with one request. */
export type HttpFault =
  /** 429 with Retry-After; the request isn't passed on. */
  | 'TooManyRequests'
  /** 500; the request isn't passed on. */
  | 'ServerError'
  /** 500, though the request was passed on and was carried out: the answer alone is lost. */
  | 'LostAnswer'
  /** The answer comes late. */
  | 'SlowAnswer';

/** Which share of the requests meets one of these faults. */
export interface Weather {
  /** From 0 (none) to 1. */
  readonly share: number;
  readonly faults: readonly HttpFault[];
}

/** Where requests are passed on to, and the authority of its certificate in PEM. */
export interface Upstream {
  readonly server: URL;
  readonly ca: string;
}

export interface FaultProxyOptions {
  /** Certificate and key of the proxy itself, in PEM. */
  readonly cert: string;
  readonly key: string;
  readonly host: string;
  readonly upstream: Upstream;
  readonly random: Random;
}

/** A slow answer takes up to this long. */
const SLOWEST_MS = 3_000;
const RETRY_AFTER_SECONDS = 1;

const CALM: Weather = { share: 0, faults: [] };

/**
 * A TLS-terminating proxy in front of the API server that answers a share of the requests with an error, or late, and
 * passes the rest on as they are, bearer tokens and watches among them.
 */
export class FaultProxy {
  readonly #options: FaultProxyOptions;
  readonly #server: https.Server;
  readonly #agent: https.Agent;
  readonly #counts = new Map<HttpFault, number>();
  #weather: Weather = CALM;
  /** Faults take turns, so that each of them is met. */
  #drawn = 0;

  private constructor(options: FaultProxyOptions) {
    this.#options = options;
    this.#agent = new https.Agent({ keepAlive: true, ca: options.upstream.ca });
    this.#server = https.createServer({ cert: options.cert, key: options.key }, (request, response) => {
      this.#handle(request, response).catch(() => response.destroy());
    });
  }

  static async open(options: FaultProxyOptions): Promise<FaultProxy> {
    const proxy = new FaultProxy(options);
    await new Promise<void>((resolve, reject) => {
      proxy.#server.once('error', reject);
      proxy.#server.listen(0, options.host, resolve);
    });
    return proxy;
  }

  get port(): number {
    const address = this.#server.address();
    if (typeof address !== 'object' || address === null) throw new Error('the fault proxy is closed');
    return address.port;
  }

  /** How often each fault was met. */
  get counts(): Readonly<Record<string, number>> {
    return Object.fromEntries(this.#counts);
  }

  /** From now on requests meet these faults; none without an argument. */
  set(weather: Weather = CALM): void {
    this.#weather = weather;
  }

  async close(): Promise<void> {
    this.#agent.destroy();
    await new Promise((resolve) => {
      this.#server.close(resolve);
      this.#server.closeAllConnections();
    });
  }

  async #handle(request: http.IncomingMessage, response: http.ServerResponse): Promise<void> {
    const fault = this.#draw();
    if (fault !== undefined) this.#counts.set(fault, (this.#counts.get(fault) ?? 0) + 1);
    if (fault === 'TooManyRequests' || fault === 'ServerError') {
      request.resume();
      refuse(response, fault);
      return;
    }
    const answer = await this.#pass(request, response);
    if (fault === 'LostAnswer') {
      answer.destroy();
      refuse(response, fault);
      return;
    }
    if (fault === 'SlowAnswer') await sleep(this.#options.random() * SLOWEST_MS);
    response.writeHead(answer.statusCode ?? 502, answer.headers);
    // A watch has nothing to say at first, and its client waits for the headers.
    response.flushHeaders();
    answer.on('error', () => response.destroy());
    answer.pipe(response);
  }

  #draw(): HttpFault | undefined {
    const { share, faults } = this.#weather;
    const { random } = this.#options;
    if (random() >= share) return undefined;
    this.#drawn += 1;
    return faults[this.#drawn % faults.length];
  }

  /** Sends the request on; gone is gone, on either side. */
  #pass(request: http.IncomingMessage, response: http.ServerResponse): Promise<http.IncomingMessage> {
    const { server } = this.#options.upstream;
    const passed = https.request({
      agent: this.#agent,
      hostname: server.hostname,
      port: server.port,
      path: request.url,
      method: request.method,
      headers: { ...request.headers, host: server.host },
    });
    response.once('close', () => passed.destroy());
    request.pipe(passed);
    return new Promise((resolve, reject) => {
      passed.on('error', reject);
      passed.once('response', resolve);
    });
  }
}

/** As the API server words it. */
function refuse(response: http.ServerResponse, fault: HttpFault): void {
  const code = fault === 'TooManyRequests' ? 429 : 500;
  const reason = fault === 'TooManyRequests' ? 'TooManyRequests' : 'InternalError';
  const status = { apiVersion: 'v1', kind: 'Status', status: 'Failure', code, reason, message: `injected: ${fault}` };
  const retry = fault === 'TooManyRequests' ? { 'Retry-After': String(RETRY_AFTER_SECONDS) } : {};
  response.writeHead(code, { 'Content-Type': 'application/json', ...retry }).end(JSON.stringify(status));
}
