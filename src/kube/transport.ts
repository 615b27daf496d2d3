import http from 'node:http';
import https from 'node:https';
import type { Connection } from './connection.ts';
import { apiErrorFrom, unreachable } from './errors.ts';

export interface RequestInput {
  readonly method: 'GET' | 'POST' | 'PATCH' | 'PUT' | 'DELETE';
  readonly path: string;
  readonly query?: Readonly<Record<string, string | undefined>>;
  readonly contentType?: string;
  readonly body?: unknown;
  readonly signal?: AbortSignal | undefined;
  /** Nothing heard for this long: the connection counts as dead (half-open connections say nothing for ever). */
  readonly idleTimeoutMs: number;
}

/** What one request cost, for metrics. `code` is 0 when no answer came. */
export type ObserveRequest = (request: { method: string; code: number; seconds: number }) => void;

/** Sends one request and resolves with the response's stream once a 2xx answer has begun. @throws ApiError */
export async function openResponse(
  connection: Connection,
  input: RequestInput,
  observe: ObserveRequest,
): Promise<http.IncomingMessage> {
  const started = performance.now();
  const seconds = (): number => (performance.now() - started) / 1000;
  const what = `${input.method} ${input.path}`;
  let response: http.IncomingMessage;
  try {
    response = await send(connection, input, await connection.headers());
  } catch (error) {
    observe({ method: input.method, code: 0, seconds: seconds() });
    throw unreachable(what, error);
  }
  const code = response.statusCode ?? 0;
  observe({ method: input.method, code, seconds: seconds() });
  if (code >= 200 && code < 300) return response;
  const body = await readText(response).catch((error: unknown) => {
    throw unreachable(what, error);
  });
  throw apiErrorFrom(code, body, response.headers['retry-after']);
}

function send(
  connection: Connection,
  input: RequestInput,
  headers: Record<string, string>,
): Promise<http.IncomingMessage> {
  const url = new URL(connection.server.pathname.replace(/\/$/, '') + input.path, connection.server);
  for (const [key, value] of Object.entries(input.query ?? {}))
    if (value !== undefined) url.searchParams.set(key, value);
  const payload = input.body === undefined ? undefined : JSON.stringify(input.body);
  const request = (url.protocol === 'http:' ? http : https).request(url, {
    method: input.method,
    agent: connection.agent,
    // As an option it counts while the socket connects, too; set on the request later it doesn't.
    timeout: input.idleTimeoutMs,
    headers: {
      Accept: 'application/json',
      'User-Agent': 'loco-operator',
      ...headers,
      ...(payload === undefined
        ? {}
        : { 'Content-Type': input.contentType ?? 'application/json', 'Content-Length': Buffer.byteLength(payload) }),
    },
    ...(input.signal === undefined ? {} : { signal: input.signal }),
  });
  return new Promise((resolve, reject) => {
    let received: http.IncomingMessage | undefined;
    request.on('timeout', () => {
      const silence = new Error(`nothing heard for ${Math.round(input.idleTimeoutMs / 1000)} s`);
      (received ?? request).destroy(silence);
    });
    // For good: an error after the answer has begun is told by the answer's own stream, and must not end the process.
    request.on('error', reject);
    request.once('response', (response) => {
      received = response;
      resolve(response);
    });
    request.end(payload);
  });
}

export async function readText(response: http.IncomingMessage): Promise<string> {
  response.setEncoding('utf8');
  let text = '';
  for await (const chunk of response) text += String(chunk);
  return text;
}

/** Lines of a stream, as they come; a last line without its end is dropped, it was cut. */
export async function* readLines(stream: AsyncIterable<Buffer | string>): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let rest = '';
  for await (const chunk of stream) {
    rest += typeof chunk === 'string' ? chunk : decoder.decode(chunk, { stream: true });
    let end = rest.indexOf('\n');
    let start = 0;
    while (end !== -1) {
      if (end > start) yield rest.slice(start, end);
      start = end + 1;
      end = rest.indexOf('\n', start);
    }
    rest = rest.slice(start);
  }
}
