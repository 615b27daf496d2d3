import http from 'node:http';
import https from 'node:https';
import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import type { Connection } from './connection.ts';
import { ApiError } from './errors.ts';
import type { Fence } from './fence.ts';
import { type Resource, resourcePath } from './object.ts';

/** What is done, in the words of the API server's audit log. */
export type Verb = 'get' | 'list' | 'watch' | 'create' | 'update' | 'patch' | 'delete';

const METHODS = {
  get: 'GET',
  list: 'GET',
  watch: 'GET',
  create: 'POST',
  update: 'PUT',
  patch: 'PATCH',
  delete: 'DELETE',
} as const satisfies Readonly<Record<Verb, string>>;

export function methodOf({ verb }: Pick<RequestInput, 'verb'>): (typeof METHODS)[Verb] {
  return METHODS[verb];
}

/** One request to the API server. */
export interface RequestInput {
  readonly verb: Verb;
  readonly resource: Resource;
  /** Empty or undefined: all of them, or the resource has none. */
  readonly namespace?: string | undefined;
  readonly name?: string | undefined;
  readonly subresource?: string | undefined;
  readonly query?: Readonly<Record<string, string | undefined>>;
  readonly contentType?: string;
  readonly body?: unknown;
  readonly signal?: AbortSignal | undefined;
  /** Nothing heard for this long: the connection counts as dead (half-open connections say nothing for ever). */
  readonly idleTimeoutMs: number;
  /** Asked when the connection stands, right before the request leaves. */
  readonly fence?: Fence | undefined;
}

/**
 * A connection that takes longer is given up, and the next try begins with packets of its own. Left to itself, TCP
 * repeats its first packet after 1, 3, 7 and 15 s: a network that is back would be found seconds late.
 */
const CONNECT_MS = 5_000;

/** A request or its answer was given up because nothing was heard for too long. */
export class Silence extends Error {
  override readonly name = 'Silence';

  constructor(ms: number) {
    super(`nothing heard for ${Math.round(ms / 1000)} s`);
  }
}

/**
 * Sends one request; resolves when the answer has begun, whatever it is.
 *
 * Invariants: a fenced request leaves only while the fence allows it; no request and no answer stays open in silence
 * for longer than its timeout, not even while it connects; an error after the answer has begun is the answer's own.
 */
export function sendRequest(
  connection: Connection,
  input: RequestInput,
  headers: Readonly<Record<string, string>>,
): Promise<http.IncomingMessage> {
  const payload = input.body === undefined ? undefined : JSON.stringify(input.body);
  const url = urlOf(connection.server, input);
  const request = (url.protocol === 'http:' ? http : https).request(url, {
    method: methodOf(input),
    agent: connection.agent,
    // As an option it counts while the socket connects, too; set on the request later it doesn't.
    timeout: input.idleTimeoutMs,
    headers: { Accept: 'application/json', ...headers, ...payloadHeaders(input, payload) },
    ...(input.signal === undefined ? {} : { signal: input.signal }),
  });
  return new Promise((resolve, reject) => {
    let received: http.IncomingMessage | undefined;
    const silence = (ms: number): void => {
      (received ?? request).destroy(new Silence(ms));
      connection.alarm?.ring(performance.now() - ms);
    };
    request.on('timeout', () => silence(request.socket?.timeout ?? input.idleTimeoutMs));
    // For good: an error after the answer has begun is told by the answer's own stream, and must not end the process.
    request.on('error', reject);
    request.once('response', (response) => {
      received = response;
      resolve(response);
    });
    request.once('socket', (socket) => {
      onceConnected(
        request,
        socket,
        () => silence(CONNECT_MS),
        () => dispatch(request, payload, input.fence),
      );
    });
  });
}

/** `GET /api/v1/pods`: how errors call a request. */
export function describeRequest(input: Omit<RequestInput, 'idleTimeoutMs'>): string {
  return `${methodOf(input)} ${pathOf(input)}`;
}

function pathOf({ resource, namespace, name, subresource }: Omit<RequestInput, 'idleTimeoutMs'>): string {
  return resourcePath(resource, namespace, name, subresource);
}

function urlOf(server: URL, input: RequestInput): URL {
  const url = new URL(server.pathname.replace(/\/$/, '') + pathOf(input), server);
  for (const [key, value] of Object.entries(input.query ?? {}))
    if (value !== undefined) url.searchParams.set(key, value);
  return url;
}

function payloadHeaders(input: RequestInput, payload: string | undefined): Record<string, string> {
  if (payload === undefined) return {};
  return {
    'Content-Type': input.contentType ?? 'application/json',
    'Content-Length': String(Buffer.byteLength(payload)),
  };
}

function onceConnected(request: http.ClientRequest, socket: Socket, onLate: () => void, then: () => void): void {
  const isSecure = socket instanceof TLSSocket;
  // A TLS socket says nothing of its handshake but this; one from the pool has it behind it.
  const isOpen = !socket.connecting && !(isSecure && !socket.authorized && socket.getProtocol() === null);
  if (isOpen) {
    then();
    return;
  }
  const late = setTimeout(onLate, CONNECT_MS);
  request.once('close', () => clearTimeout(late));
  socket.once(isSecure ? 'secureConnect' : 'connect', () => {
    clearTimeout(late);
    then();
  });
}

/** Nothing of a request leaves before its end is called. */
function dispatch(request: http.ClientRequest, payload: string | undefined, fence: Fence | undefined): void {
  if (request.destroyed) return;
  const remainingMs = fence?.remainingMs() ?? Number.POSITIVE_INFINITY;
  if (remainingMs <= 0) {
    request.destroy(notLeader('nothing was sent: another process may be the leader'));
    return;
  }
  if (Number.isFinite(remainingMs)) {
    // The server gives it up as well: a request that waits there, for etcd say, can't take effect later. What a network
    // holds back for longer meets its own precondition. (Node can't reset a TLS connection, which would drop it here.)
    request.path += `${request.path.includes('?') ? '&' : '?'}timeout=${Math.max(1, Math.floor(remainingMs))}ms`;
    const late = setTimeout(() => {
      request.destroy(notLeader('given up without an answer: what was left of the lease is used up'));
    }, remainingMs);
    for (const event of ['response', 'close']) request.once(event, () => clearTimeout(late));
  }
  request.end(payload);
}

function notLeader(message: string): ApiError {
  return new ApiError(0, 'NotLeader', message);
}
