import http from 'node:http';
import https from 'node:https';
import { isDeepStrictEqual } from 'node:util';
import { Alarm } from './alarm.ts';
import type { Clock } from './clock.ts';

/** What an https.Agent needs to know of the server and of us. */
export type TlsSettings = Pick<
  https.AgentOptions,
  'ca' | 'cert' | 'key' | 'pfx' | 'passphrase' | 'servername' | 'rejectUnauthorized'
>;

/** How to be let in, as it stands now. */
export interface Credentials {
  readonly headers: Readonly<Record<string, string>>;
  readonly tls: TlsSettings;
  /** In place of an agent with these settings: the way through a proxy. */
  readonly agent?: http.Agent;
}

/** Where credentials come from. */
export interface CredentialSource {
  /** @throws when it doesn't say where the server is */
  server(): Promise<URL>;
  /** Reads what may have changed. `refused`: the server didn't take the last ones, so nothing remembered will do. */
  read(refused: boolean): Promise<Credentials>;
}

/** Files and plugins are asked again after this time, as client-go does. */
const FRESH_MS = 60_000;

/**
 * A connection whose credentials are kept fresh.
 *
 * Invariants: credentials are at most a minute old, and read at once when they were refused; however many requests are
 * refused at the same time, they are read once; what can't be read now leaves the last ones in use, unless those were
 * refused.
 */
export class CredentialCache {
  readonly server: URL;
  readonly alarm = new Alarm();
  readonly #source: CredentialSource;
  readonly #clock: Clock;
  #current: Credentials;
  #agent: http.Agent;
  #readAt: number;
  #reading: Promise<void> | undefined;

  static async open(source: CredentialSource, clock: Clock): Promise<CredentialCache> {
    return new CredentialCache(await source.server(), source, clock, await source.read(false));
  }

  private constructor(server: URL, source: CredentialSource, clock: Clock, first: Credentials) {
    this.server = server;
    this.#source = source;
    this.#clock = clock;
    this.#current = first;
    this.#agent = agentFor(server, first);
    this.#readAt = clock.monotonic();
    this.alarm.onRing(() => dropIdle(this.#agent));
  }

  get agent(): http.Agent {
    return this.#agent;
  }

  async headers(refused?: Readonly<Record<string, string>>): Promise<Readonly<Record<string, string>>> {
    if (refused === this.#current.headers) await this.#readOnce(true);
    else if (this.#clock.monotonic() - this.#readAt > FRESH_MS) await this.#readOnce(false);
    return this.#current.headers;
  }

  #readOnce(refused: boolean): Promise<void> {
    this.#reading ??= this.#read(refused).finally(() => {
      this.#reading = undefined;
    });
    return this.#reading;
  }

  async #read(refused: boolean): Promise<void> {
    this.#readAt = this.#clock.monotonic();
    const next = await this.#source.read(refused).catch((error: unknown) => {
      if (refused) throw error;
      // Half written, or gone for a moment: should the last ones be stale, the server says so, and the error comes then.
      return this.#current;
    });
    const before = this.#current;
    if (isDeepStrictEqual(next.headers, before.headers) && isDeepStrictEqual(next.tls, before.tls)) return;
    // The old agent's connections serve until they end.
    if (!isDeepStrictEqual(next.tls, before.tls)) this.#agent = agentFor(this.server, next);
    const headers = isDeepStrictEqual(next.headers, before.headers) ? before.headers : next.headers;
    this.#current = { ...next, headers };
  }
}

/** Connections that wait for a next request may be as dead as the one that fell silent. */
function dropIdle({ freeSockets }: http.Agent): void {
  for (const socket of Object.values(freeSockets).flat()) socket?.destroy();
}

/**
 * Each watch holds a connection, so their number isn't limited. Idle ones are, by what many workers write at the same
 * time: with fewer, every fifth request of a busy controller would begin with a handshake, which costs both sides as
 * much as the request. The API server closes what has been idle for 90 s. The kernel asks a silent peer after 15 s, and
 * gives it up after ten more.
 */
function agentFor(server: URL, { agent, tls }: Credentials): http.Agent {
  if (agent !== undefined) return agent;
  const pooled = { keepAlive: true, keepAliveMsecs: 15_000, maxFreeSockets: 32, scheduling: 'lifo' } as const;
  if (server.protocol === 'http:') return new http.Agent(pooled);
  const given = Object.fromEntries(Object.entries(tls).filter(([, value]) => value !== undefined));
  return new https.Agent({ ...pooled, ...given });
}
