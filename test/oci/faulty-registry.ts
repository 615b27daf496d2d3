import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import type { TestRegistry } from './registry.ts';

/** What happens to an answer of the registry. */
export type Fault =
  /** The connection ends after so much of the body; `reset` with a TCP reset. */
  | { readonly kind: 'Cut'; readonly percent: number; readonly reset?: boolean }
  /** Another byte in the middle. */
  | { readonly kind: 'Flip' }
  /** Fewer bytes, and a length that says so; or more than were announced. */
  | { readonly kind: 'Length'; readonly change: number }
  | { readonly kind: 'Status'; readonly status: number; readonly headers?: Readonly<Record<string, string>> }
  /** Nothing is ever answered. */
  | { readonly kind: 'Hang' }
  /** The body comes in pieces of so many bytes, ten a second. */
  | { readonly kind: 'Slow'; readonly bytes: number }
  /** Sends to a storage, as registries in a cloud do; whose address has expired, or hasn't. */
  | { readonly kind: 'Redirect'; readonly expired: boolean };

export interface Rule {
  readonly on: 'manifest' | 'blob' | 'token';
  /** Of blobs, the one with this digest; else all. */
  readonly digest?: string;
  /** How often; always unless told. */
  readonly times?: number;
  readonly fault: Fault;
}

interface CountedRule {
  readonly rule: Rule;
  left: number;
}

/** What one repository's clients meet. */
interface Repository {
  /** Its name in the real registry. */
  readonly upstream: string;
  readonly rules: readonly CountedRule[];
  /** Tokens are asked for, and good for so many requests. */
  readonly tokenUses: number | undefined;
  readonly tokens: Map<string, number>;
  blobBytes: number;
  requests: number;
}

/**
 * An HTTP proxy in front of the real registry that spoils what it is told to, repository by repository, and counts the
 * bytes of blobs that went through it.
 */
export class FaultyRegistry implements AsyncDisposable {
  readonly #registry: TestRegistry;
  readonly #server: Server;
  readonly #repositories = new Map<string, Repository>();
  readonly #stop = new AbortController();
  host = '';

  private constructor(registry: TestRegistry) {
    this.#registry = registry;
    this.#server = createServer((request, response) => {
      this.#serve(request, response).catch(() => response.destroy());
    });
  }

  static async start(registry: TestRegistry): Promise<FaultyRegistry> {
    const faulty = new FaultyRegistry(registry);
    faulty.#server.listen(0, '127.0.0.1');
    await once(faulty.#server, 'listening');
    const address = faulty.#server.address();
    if (address === null || typeof address === 'string') throw new Error('no port');
    faulty.host = `127.0.0.1:${address.port}`;
    return faulty;
  }

  /**
   * Shows a repository of the real registry under a name of its own, with what is spoiled about it.
   * @param tokenUses a token service stands in front of it, and each token is good for so many requests
   */
  spoil(repository: string, upstream: string, rules: readonly Rule[], tokenUses?: number): void {
    const counted = rules.map((rule) => ({ rule, left: rule.times ?? Number.POSITIVE_INFINITY }));
    const fresh = { tokens: new Map<string, number>(), blobBytes: 0, requests: 0 };
    this.#repositories.set(repository, { upstream, rules: counted, tokenUses, ...fresh });
  }

  /** Bytes of blobs that were sent to clients of the repository. */
  blobBytes(repository: string): number {
    return this.#repositories.get(repository)?.blobBytes ?? 0;
  }

  requests(repository: string): number {
    return this.#repositories.get(repository)?.requests ?? 0;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, 'close');
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', `http://${this.host}`);
    if (url.pathname === '/token') return this.#token(url, response);
    const path = url.pathname.replace(/^\/storage/, '/v2');
    const [, name = '', kind = '', reference = ''] = /^\/v2\/(.+)\/(manifests|blobs)\/([^/]+)$/.exec(path) ?? [];
    const repository = this.#repositories.get(name);
    if (repository === undefined) {
      response.writeHead(404).end();
      return;
    }
    repository.requests += 1;
    const isRedirected = path !== url.pathname;
    if (!isRedirected && repository.tokenUses !== undefined && !useToken(repository, request)) {
      response.writeHead(401, { 'WWW-Authenticate': this.#challenge(name) }).end();
      return;
    }
    if (isRedirected && url.searchParams.has('expired')) {
      response.writeHead(403, { 'Content-Type': 'application/xml' });
      response.end('<Error><Code>AccessDenied</Code><Message>Request has expired</Message></Error>');
      return;
    }
    const rule = isRedirected ? undefined : ruleFor(repository, kind === 'blobs' ? 'blob' : 'manifest', reference);
    const authorization =
      repository.tokenUses !== undefined || isRedirected
        ? this.#registry.authorization
        : (request.headers.authorization ?? '');
    await this.#answer({ request, response, path, authorization, repository, isBlob: kind === 'blobs' }, rule);
  }

  async #answer(call: Call, rule: CountedRule | undefined): Promise<void> {
    const { request, response, path, authorization, repository } = call;
    const early = rule?.rule.fault;
    if (early?.kind === 'Hang' || early?.kind === 'Status') {
      use(rule);
      if (early.kind === 'Hang') return;
      response.writeHead(early.status, { 'Content-Type': 'application/json', ...early.headers });
      response.end('{"errors":[{"code":"UNKNOWN","message":"for the test"}]}');
      return;
    }
    const upstream = path.replace(/^\/v2\/.+(?=\/(?:manifests|blobs)\/)/, `/v2/${repository.upstream}`);
    const real = await fetch(`http://${this.#registry.plain}${upstream}`, {
      method: request.method ?? 'GET',
      headers: { accept: request.headers.accept ?? '*/*', ...(authorization === '' ? {} : { authorization }) },
    });
    const body = Buffer.from(await real.arrayBuffer());
    const headers: Record<string, string> = {};
    for (const name of ['content-type', 'content-length', 'docker-content-digest', 'www-authenticate']) {
      const value = real.headers.get(name);
      if (value !== null) headers[name] = value;
    }
    if (request.method === 'HEAD' || real.status !== 200) {
      response.writeHead(real.status, headers).end(body);
      return;
    }
    const fault = use(rule);
    if (fault?.kind === 'Redirect') {
      const location = `http://${this.host}${path.replace('/v2/', '/storage/')}${fault.expired ? '?expired' : ''}`;
      response.writeHead(307, { location }).end();
    } else await this.#send(call, headers, body, fault);
  }

  async #send(
    { response, repository, isBlob }: Call,
    headers: Readonly<Record<string, string>>,
    body: Buffer,
    fault: Fault | undefined,
  ): Promise<void> {
    const write = (bytes: Buffer) => {
      if (isBlob) repository.blobBytes += bytes.length;
      response.write(bytes);
    };
    const { bytes, length } = spoiled(body, fault);
    response.writeHead(200, { ...headers, 'content-length': `${length}` });
    response.flushHeaders();
    if (fault?.kind === 'Slow') {
      for (let at = 0; at < bytes.length && !response.destroyed; at += fault.bytes) {
        write(bytes.subarray(at, at + fault.bytes));
        await delay(100, undefined, { signal: this.#stop.signal });
      }
    } else if (bytes.length > 0) write(bytes);
    if (fault?.kind === 'Cut' || bytes.length < length) {
      // What was written first has to arrive first.
      await delay(30);
      if (fault?.kind === 'Cut' && fault.reset === true) response.socket?.resetAndDestroy();
      else response.destroy();
      return;
    }
    response.end();
  }

  #challenge(name: string): string {
    return `Bearer realm="http://${this.host}/token",service="faulty",scope="repository:${name}:pull"`;
  }

  #token(url: URL, response: ServerResponse): void {
    const name = /^repository:(.*):pull/.exec(url.searchParams.get('scope') ?? '')?.[1] ?? '';
    const repository = this.#repositories.get(name);
    const fault = repository === undefined ? undefined : use(ruleFor(repository, 'token', ''));
    if (repository?.tokenUses === undefined || fault?.kind === 'Status') {
      response.writeHead(fault?.kind === 'Status' ? fault.status : 404).end();
      return;
    }
    const token = crypto.randomUUID();
    repository.tokens.set(token, repository.tokenUses);
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ token, expires_in: 300 }));
  }
}

interface Call {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly path: string;
  readonly authorization: string;
  readonly repository: Repository;
  readonly isBlob: boolean;
}

function useToken({ tokens }: Repository, request: IncomingMessage): boolean {
  const token = (request.headers.authorization ?? '').replace('Bearer ', '');
  const left = tokens.get(token) ?? 0;
  tokens.set(token, left - 1);
  return left > 0;
}

function ruleFor({ rules }: Repository, on: Rule['on'], reference: string): CountedRule | undefined {
  return rules.find(
    ({ rule, left }) => left > 0 && rule.on === on && (rule.digest === undefined || rule.digest === reference),
  );
}

/** A fault counts when it happens, not for answers that have no body to spoil. */
function use(counted: CountedRule | undefined): Fault | undefined {
  if (counted === undefined) return undefined;
  counted.left -= 1;
  return counted.rule.fault;
}

/** The bytes that are sent, and the length that is announced. */
function spoiled(body: Buffer, fault: Fault | undefined): { readonly bytes: Buffer; readonly length: number } {
  switch (fault?.kind) {
    case 'Cut':
      return { bytes: body.subarray(0, Math.floor((body.length * fault.percent) / 100)), length: body.length };
    case 'Length': {
      const length = body.length + fault.change;
      const bytes =
        length > body.length ? Buffer.concat([body, Buffer.alloc(fault.change, 7)]) : body.subarray(0, length);
      return { bytes, length };
    }
    case 'Flip': {
      const bytes = Buffer.from(body);
      const middle = Math.floor(bytes.length / 2);
      bytes[middle] = (bytes[middle] ?? 0) ^ 1;
      return { bytes, length: bytes.length };
    }
    default:
      return { bytes: body, length: body.length };
  }
}
