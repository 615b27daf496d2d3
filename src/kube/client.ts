import type { Connection } from './connection.ts';
import { ApiError, apiErrorFrom, isConflict, isNotFound, unreachable } from './errors.ts';
import { apiVersionOf, type KubeObject, type Resource, resourcePath } from './object.ts';
import { type ObserveRequest, openResponse, type RequestInput, readLines, readText } from './transport.ts';

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

export interface ApplyOptions {
  /** One fixed name per purpose: what it applied last and leaves out now is removed. */
  readonly fieldManager: string;
  /** Take over fields that others set differently; without it that is a conflict (409). */
  readonly force: boolean;
  readonly subresource?: string;
}

/** Nothing heard for this long ends a request that isn't a watch. */
const REQUEST_IDLE_MS = 15_000;

interface RawList<T> {
  readonly metadata: { readonly resourceVersion: string; readonly continue?: string };
  readonly items: readonly T[];
}

/**
 * The requests an operator makes. Outcomes a caller plans for are values; everything else is an {@link ApiError},
 * which the work queue turns into a retry.
 */
export class KubeClient {
  readonly #connection: Connection;
  readonly #observe: ObserveRequest;

  constructor(connection: Connection, observe: ObserveRequest = () => undefined) {
    this.#connection = connection;
    this.#observe = observe;
  }

  /** One object, straight from the API server; undefined when there is none. */
  async get<T extends KubeObject>(resource: Resource, namespace: string, name: string): Promise<T | undefined> {
    try {
      return await this.#json<T>({ method: 'GET', path: resourcePath(resource, namespace, name) });
    } catch (error) {
      if (isNotFound(error)) return undefined;
      throw error;
    }
  }

  async list<T extends KubeObject>(
    scope: Scope,
    limit: number,
    from?: string,
    signal?: AbortSignal,
  ): Promise<ListPage<T>> {
    const list = await this.#json<RawList<T>>({
      method: 'GET',
      path: resourcePath(scope.resource, scope.namespace),
      query: { limit: String(limit), continue: from, labelSelector: scope.labelSelector },
      signal,
    });
    // Items of a list carry neither; those of a watch do, and consumers must not see a difference.
    const identity = { apiVersion: apiVersionOf(scope.resource), kind: scope.resource.kind };
    const items = list.items.map((item) => ({ ...identity, ...item }));
    return { resourceVersion: list.metadata.resourceVersion, next: list.metadata.continue || undefined, items };
  }

  /**
   * Changes since `resourceVersion`, until the server ends the watch after `timeoutSeconds`.
   * @throws ApiError also for a failure that the server reports within the stream (410 among them)
   */
  async *watch<T extends KubeObject>(
    scope: Scope,
    options: { resourceVersion: string; timeoutSeconds: number; idleTimeoutMs: number; signal: AbortSignal },
  ): AsyncGenerator<WatchEvent<T>> {
    const path = resourcePath(scope.resource, scope.namespace);
    const query = {
      watch: 'true',
      allowWatchBookmarks: 'true',
      resourceVersion: options.resourceVersion,
      timeoutSeconds: String(options.timeoutSeconds),
      labelSelector: scope.labelSelector,
    };
    const { idleTimeoutMs, signal } = options;
    const input: RequestInput = { method: 'GET', path, query, signal, idleTimeoutMs };
    const response = await openResponse(this.#connection, input, this.#observe);
    try {
      for await (const line of readLines(response)) yield decodeEvent<T>(line);
    } catch (error) {
      throw error instanceof ApiError ? error : unreachable(`watch ${path}`, error);
    } finally {
      response.destroy();
    }
  }

  /** Creates an object; one of that name that is there already is an outcome, not an error. */
  async create<T extends KubeObject>(resource: Resource, object: T): Promise<'Created' | 'AlreadyExists'> {
    try {
      await this.#json({ method: 'POST', path: resourcePath(resource, object.metadata.namespace), body: object });
      return 'Created';
    } catch (error) {
      if (error instanceof ApiError && error.reason === 'AlreadyExists') return 'AlreadyExists';
      throw error;
    }
  }

  /** Replaces an object; its resourceVersion makes a write over somebody else's newer one a conflict (409). */
  replace<T extends KubeObject>(resource: Resource, object: T): Promise<T> {
    const path = resourcePath(resource, object.metadata.namespace, object.metadata.name);
    return this.#json<T>({ method: 'PUT', path, body: object });
  }

  /** Server-side apply. Resolves with the object as it is afterwards. */
  apply<T extends KubeObject>(resource: Resource, object: T, options: ApplyOptions): Promise<T> {
    return this.#json<T>({
      method: 'PATCH',
      path: resourcePath(resource, object.metadata.namespace, object.metadata.name, options.subresource),
      query: { fieldManager: options.fieldManager, force: String(options.force) },
      contentType: 'application/apply-patch+yaml',
      body: { apiVersion: apiVersionOf(resource), kind: resource.kind, ...object },
    });
  }

  /** Merge patch of one object; `metadata.uid` in the patch makes it a conflict (409) on another object of that name. */
  patch<T extends KubeObject>(resource: Resource, patch: KubeObject): Promise<T> {
    return this.#json<T>({
      method: 'PATCH',
      path: resourcePath(resource, patch.metadata.namespace, patch.metadata.name),
      contentType: 'application/merge-patch+json',
      body: patch,
    });
  }

  /**
   * Deletes exactly the object with this UID; with `orphan` what it owns stays, and is nobody's from then on.
   * `Replaced`: another one has its name now, and was left alone.
   */
  async delete(
    resource: Resource,
    target: { namespace: string; name: string; uid: string; orphan?: boolean },
  ): Promise<'Deleted' | 'NotFound' | 'Replaced'> {
    const path = resourcePath(resource, target.namespace, target.name);
    const propagation = target.orphan ? { propagationPolicy: 'Orphan' } : {};
    const body = { apiVersion: 'v1', kind: 'DeleteOptions', preconditions: { uid: target.uid }, ...propagation };
    try {
      await this.#json({ method: 'DELETE', path, body });
      return 'Deleted';
    } catch (error) {
      if (isNotFound(error)) return 'NotFound';
      if (isConflict(error)) return 'Replaced';
      throw error;
    }
  }

  async #json<T>(input: Omit<RequestInput, 'idleTimeoutMs'>): Promise<T> {
    const response = await openResponse(this.#connection, { ...input, idleTimeoutMs: REQUEST_IDLE_MS }, this.#observe);
    try {
      return JSON.parse(await readText(response)) as T;
    } catch (error) {
      throw unreachable(`${input.method} ${input.path}`, error);
    }
  }
}

function decodeEvent<T extends KubeObject>(line: string): WatchEvent<T> {
  const event = JSON.parse(line) as { type: string; object: T & { code?: number } };
  if (event.type === 'ERROR') throw apiErrorFrom(event.object.code ?? 500, JSON.stringify(event.object));
  return event as WatchEvent<T>;
}
