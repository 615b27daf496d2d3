import { ApiError, apiErrorFrom, unreachable } from './errors.ts';
import { apiVersionOf, type KubeObject, type Resource } from './object.ts';
import { Silence } from './request.ts';
import { readLines } from './response-text.ts';
import type { Transport } from './transport.ts';

/** What to list or watch; an empty namespace is all of them. */
export interface Scope {
  readonly resource: Resource;
  readonly namespace: string;
  readonly labelSelector?: string | undefined;
}

export interface ListPage<T> {
  readonly resourceVersion: string;
  /** Token of the next page. */
  readonly next: string | undefined;
  readonly items: readonly T[];
}

export interface WatchEvent<T> {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK';
  readonly object: T;
}

export interface WatchOptions {
  /** Changes since this version; undefined: everything that is there first, then a bookmark, then changes. */
  readonly resourceVersion: string | undefined;
  /** The server ends the watch after so long. */
  readonly timeoutSeconds: number;
  readonly idleTimeoutMs: number;
  readonly signal: AbortSignal;
}

interface RawList<T> {
  readonly metadata: { readonly resourceVersion: string; readonly continue?: string };
  readonly items: readonly T[];
}

/** One page of what is there. @throws ApiError */
export async function listPage<T extends KubeObject>(
  transport: Transport,
  scope: Scope,
  page: { limit: number; from?: string | undefined; signal?: AbortSignal | undefined },
): Promise<ListPage<T>> {
  const list = await transport.json<RawList<T>>({
    verb: 'list',
    resource: scope.resource,
    namespace: scope.namespace,
    query: { limit: String(page.limit), continue: page.from, labelSelector: scope.labelSelector },
    signal: page.signal,
  });
  // Items of a list carry neither; those of a watch do, and consumers must not see a difference.
  const identity = { apiVersion: apiVersionOf(scope.resource), kind: scope.resource.kind };
  const items = list.items.map((item) => ({ ...identity, ...item }));
  return { resourceVersion: list.metadata.resourceVersion, next: list.metadata.continue || undefined, items };
}

/** A watch is answered at once; what is there follows without a break. */
const ANSWER_MS = 15_000;

/**
 * Changes as they happen, until the server ends the watch.
 * @throws ApiError also for a failure that the server reports within the stream (410 among them), and `NoInitialList`
 * (400) when it was asked for everything first and took that for a watch like any other
 */
export async function* watchEvents<T extends KubeObject>(
  transport: Transport,
  scope: Scope,
  options: WatchOptions,
): AsyncGenerator<WatchEvent<T>> {
  const { resource, namespace } = scope;
  let initial = options.resourceVersion === undefined;
  const idleTimeoutMs = Math.min(options.idleTimeoutMs, ANSWER_MS);
  const query = queryOf(scope, options);
  const response = await transport.open({
    verb: 'watch',
    resource,
    namespace,
    query,
    signal: options.signal,
    idleTimeoutMs,
  });
  if (!initial) response.socket.setTimeout(options.idleTimeoutMs);
  let heardAt = performance.now();
  const end = transport.onSilence((since) => {
    if (heardAt < since) response.destroy(new Error('another request on the same connection heard nothing'));
  });
  try {
    for await (const line of readLines(response)) {
      heardAt = performance.now();
      const event = decodeEvent<T>(line);
      if (initial && event.type === 'BOOKMARK') {
        if (!endsInitialEvents(event)) throw noInitialList(scope);
        initial = false;
        response.socket.setTimeout(options.idleTimeoutMs);
      }
      yield event;
    }
    // A server that shuts down ends its watches wherever they are.
    if (initial) throw new ApiError(0, 'WatchEnded', `the watch of ${resource.plural} ended in the middle of its list`);
  } catch (error) {
    if (error instanceof ApiError) throw error;
    throw initial && error instanceof Silence
      ? noInitialList(scope)
      : unreachable(`watch of ${resource.plural}`, error);
  } finally {
    end();
    response.destroy();
  }
}

function queryOf(scope: Scope, { resourceVersion, timeoutSeconds }: WatchOptions): Record<string, string | undefined> {
  return {
    watch: 'true',
    allowWatchBookmarks: 'true',
    ...startOf(resourceVersion),
    timeoutSeconds: String(timeoutSeconds),
    labelSelector: scope.labelSelector,
  };
}

/** It counts as a refusal: such a server doesn't know what it was asked for. */
function noInitialList({ resource }: Scope): ApiError {
  return new ApiError(400, 'NoInitialList', `the watch of ${resource.plural} did not begin with a whole list`);
}

/** Without a version the server is asked for all that is there, not older than now (KEP-3157). */
function startOf(resourceVersion: string | undefined): Record<string, string> {
  if (resourceVersion !== undefined) return { resourceVersion };
  return { sendInitialEvents: 'true', resourceVersionMatch: 'NotOlderThan' };
}

const INITIAL_EVENTS_END = 'k8s.io/initial-events-end';

/** The bookmark that ends what was there when the watch began. */
export function endsInitialEvents({ type, object }: WatchEvent<KubeObject>): boolean {
  return type === 'BOOKMARK' && object.metadata.annotations?.[INITIAL_EVENTS_END] === 'true';
}

function decodeEvent<T extends KubeObject>(line: string): WatchEvent<T> {
  const event = JSON.parse(line) as { type: string; object: T & { code?: number } };
  if (event.type === 'ERROR') throw apiErrorFrom(event.object.code ?? 500, JSON.stringify(event.object));
  return event as WatchEvent<T>;
}
