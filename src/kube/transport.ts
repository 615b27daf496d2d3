import type http from 'node:http';
import type { Connection } from './connection.ts';
import { ApiError, apiErrorFrom, unreachable } from './errors.ts';
import { describeRequest, methodOf, type RequestInput, sendRequest, type Verb } from './request.ts';
import { readText } from './response-text.ts';

/** What one request was and cost, for metrics and traces. */
export interface RequestObservation {
  readonly verb: Verb;
  readonly method: string;
  /** Plural of the kind, and its subresource if it is about one. */
  readonly resource: string;
  readonly subresource: string | undefined;
  readonly namespace: string | undefined;
  readonly name: string | undefined;
  /** HTTP status; 0 when no answer came. */
  readonly code: number;
  /** When it was begun, on `performance.now()`. */
  readonly startedAt: number;
  /** Until its answer began. */
  readonly seconds: number;
}

export type ObserveRequest = (request: RequestObservation) => void;

export interface TransportOptions {
  readonly observe?: ObserveRequest;
  /** How the API server's audit log calls us. */
  readonly userAgent?: string;
}

/** Nothing heard for this long ends a request that isn't a watch. */
const REQUEST_IDLE_MS = 15_000;

/** A request that ends without an answer after so long says something of the network, not of itself. */
const SILENT_SECONDS = 2;

/**
 * Requests with credentials, and answers as values or as {@link ApiError}.
 *
 * Invariant: a refused credential (401) is read again at once, and the request repeated once if there is another by
 * then; the server did nothing with the first.
 */
export class Transport {
  readonly #connection: Connection;
  readonly #observe: ObserveRequest;
  readonly #userAgent: string;

  constructor(connection: Connection, options: TransportOptions) {
    this.#connection = connection;
    this.#observe = options.observe ?? (() => undefined);
    this.#userAgent = options.userAgent ?? 'loco-operator';
  }

  /** Calls `listener` when another request on this connection heard nothing since then, until told to stop. */
  onSilence(listener: (since: number) => void): () => void {
    return this.#connection.alarm?.onRing(listener) ?? (() => undefined);
  }

  /** Resolves with the answer's stream once a 2xx answer has begun. @throws ApiError */
  async open(input: RequestInput): Promise<http.IncomingMessage> {
    const what = describeRequest(input);
    const response = await this.#authenticated(input).catch((error: unknown) => {
      throw error instanceof ApiError ? error : unreachable(what, error);
    });
    const code = response.statusCode ?? 0;
    if (code >= 200 && code < 300) return response;
    const body = await readText(response).catch((error: unknown) => {
      throw unreachable(what, error);
    });
    throw apiErrorFrom(code, body, { retryAfter: response.headers['retry-after'], now: Date.now() });
  }

  /** Resolves with the answer's JSON. @throws ApiError */
  async json<T>(input: Omit<RequestInput, 'idleTimeoutMs'>): Promise<T> {
    const response = await this.open({ ...input, idleTimeoutMs: REQUEST_IDLE_MS });
    try {
      return JSON.parse(await readText(response)) as T;
    } catch (error) {
      throw unreachable(describeRequest(input), error);
    }
  }

  async #authenticated(input: RequestInput): Promise<http.IncomingMessage> {
    const credentials = await this.#connection.headers();
    const response = await this.#observed(input, credentials);
    if (response.statusCode !== 401) return response;
    const others = await this.#connection.headers(credentials);
    if (others === credentials) return response;
    response.resume();
    return this.#observed(input, others);
  }

  async #observed(input: RequestInput, credentials: Readonly<Record<string, string>>): Promise<http.IncomingMessage> {
    const startedAt = performance.now();
    const observe = (code: number): number => {
      const seconds = (performance.now() - startedAt) / 1000;
      this.#observe({ ...observation(input), code, startedAt, seconds });
      return seconds;
    };
    try {
      const response = await sendRequest(this.#connection, input, { 'User-Agent': this.#userAgent, ...credentials });
      observe(response.statusCode ?? 0);
      return response;
    } catch (error) {
      // Its own timeout or its caller's: the others on this connection may wait in vain as well.
      if (observe(0) > SILENT_SECONDS) this.#connection.alarm?.ring(startedAt);
      throw error;
    }
  }
}

function observation(input: RequestInput): Omit<RequestObservation, 'code' | 'startedAt' | 'seconds'> {
  const { verb, resource, subresource, namespace, name } = input;
  return { verb, method: methodOf(input), resource: resource.plural, subresource, namespace, name };
}
