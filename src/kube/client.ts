import { type ListPage, listPage, type Scope, type WatchEvent, type WatchOptions, watchEvents } from './collection.ts';
import type { Connection } from './connection.ts';
import { ApiError, isConflict, isNotFound } from './errors.ts';
import type { Fence } from './fence.ts';
import { apiVersionOf, type KubeObject, type Resource } from './object.ts';
import type { RequestInput } from './request.ts';
import { Transport, type TransportOptions } from './transport.ts';

export interface ApplyOptions {
  /** One fixed name per purpose: what it applied last and leaves out now is removed. */
  readonly fieldManager: string;
  /** Take over fields that others set differently; without it that is a conflict (409). */
  readonly force: boolean;
  readonly subresource?: string;
  readonly signal?: AbortSignal;
}

/** What can be said with each request. */
export interface RequestOptions {
  readonly signal?: AbortSignal;
}

/** What can be said with each request that writes an object as a whole. */
export interface WriteOptions extends RequestOptions {
  /** Whom the API server notes as the writer of the fields. */
  readonly fieldManager?: string;
}

/** Exactly this object; another one of its name is left alone. */
export interface DeleteTarget {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  /** Only as it was then, where the decision depends on its content. */
  readonly resourceVersion?: string;
  /** What it owns stays, and is nobody's from then on. */
  readonly orphan?: boolean;
}

/** `Terminating`: it is there until its finalizers are done. `Replaced`: a precondition did not hold. */
export type DeleteOutcome = 'Deleted' | 'Terminating' | 'NotFound' | 'Replaced';

/** An operation of a JSON patch (RFC 6902). */
export interface JsonPatchOperation {
  readonly op: 'add' | 'remove' | 'replace' | 'test';
  readonly path: string;
  readonly value?: unknown;
}

/** What a client is given beside a connection. */
export interface ClientOptions extends TransportOptions {
  /** Asked before each request that changes something; without it all are sent. */
  readonly fence?: Fence;
}

/**
 * The requests an operator makes. Outcomes a caller plans for are values; everything else is an {@link ApiError},
 * which the work queue turns into a retry.
 *
 * Invariant: what changes something passes the fence, or ends as `NotLeader`. Reading never does.
 */
export class KubeClient {
  readonly #transport: Transport;
  readonly #fence: Fence | undefined;

  constructor(connection: Connection, options: ClientOptions = {}) {
    this.#transport = new Transport(connection, options);
    this.#fence = options.fence;
  }

  /** One object, straight from the API server; undefined when there is none. */
  async get<T extends KubeObject>(
    resource: Resource,
    namespace: string,
    name: string,
    { signal }: RequestOptions = {},
  ): Promise<T | undefined> {
    try {
      return await this.#transport.json<T>({ verb: 'get', resource, namespace, name, signal });
    } catch (error) {
      if (isNotFound(error)) return undefined;
      throw error;
    }
  }

  list<T extends KubeObject>(scope: Scope, limit: number, from?: string, signal?: AbortSignal): Promise<ListPage<T>> {
    return listPage<T>(this.#transport, scope, { limit, from, signal });
  }

  /** @throws ApiError also for a failure that the server reports within the stream (410 among them) */
  watch<T extends KubeObject>(scope: Scope, options: WatchOptions): AsyncGenerator<WatchEvent<T>> {
    return watchEvents<T>(this.#transport, scope, options);
  }

  /** Creates an object, and resolves with it. @throws ApiError `AlreadyExists` when one of its name is there */
  post<T extends KubeObject>(resource: Resource, object: T, options: WriteOptions = {}): Promise<T> {
    return this.#change<T>({
      verb: 'create',
      resource,
      namespace: object.metadata.namespace,
      query: { fieldManager: options.fieldManager },
      body: { apiVersion: apiVersionOf(resource), kind: resource.kind, ...object },
      signal: options.signal,
    });
  }

  /** Creates an object; one of that name that is there already is an outcome, not an error. */
  async create<T extends KubeObject>(
    resource: Resource,
    object: T,
    options: WriteOptions = {},
  ): Promise<'Created' | 'AlreadyExists'> {
    try {
      await this.post(resource, object, options);
      return 'Created';
    } catch (error) {
      if (error instanceof ApiError && error.reason === 'AlreadyExists') return 'AlreadyExists';
      throw error;
    }
  }

  /** Replaces an object; its resourceVersion makes a write over somebody else's newer one a conflict (409). */
  replace<T extends KubeObject>(resource: Resource, object: T, options: WriteOptions = {}): Promise<T> {
    const { namespace, name } = object.metadata;
    const { fieldManager, signal } = options;
    return this.#change<T>({
      verb: 'update',
      resource,
      namespace,
      name,
      query: { fieldManager },
      body: object,
      signal,
    });
  }

  /** Server-side apply. Resolves with the object as it is afterwards. */
  apply<T extends KubeObject>(resource: Resource, object: T, options: ApplyOptions): Promise<T> {
    return this.#change<T>({
      verb: 'patch',
      resource,
      namespace: object.metadata.namespace,
      name: object.metadata.name,
      subresource: options.subresource,
      query: { fieldManager: options.fieldManager, force: String(options.force) },
      contentType: 'application/apply-patch+yaml',
      body: { apiVersion: apiVersionOf(resource), kind: resource.kind, ...object },
      signal: options.signal,
    });
  }

  /** Merge patch of one object; `metadata.uid` in the patch makes it a conflict (409) on another object of that name. */
  patch<T extends KubeObject>(resource: Resource, patch: KubeObject, options: WriteOptions = {}): Promise<T> {
    return this.#change<T>({
      verb: 'patch',
      resource,
      namespace: patch.metadata.namespace,
      name: patch.metadata.name,
      query: { fieldManager: options.fieldManager },
      contentType: 'application/merge-patch+json',
      body: patch,
      signal: options.signal,
    });
  }

  /** JSON patch of one object: all operations or none; a `test` that fails is a refusal (422). */
  jsonPatch<T extends KubeObject>(
    resource: Resource,
    target: { namespace: string; name: string },
    operations: readonly JsonPatchOperation[],
    options: WriteOptions = {},
  ): Promise<T> {
    return this.#change<T>({
      verb: 'patch',
      resource,
      ...target,
      query: { fieldManager: options.fieldManager },
      contentType: 'application/json-patch+json',
      body: operations,
      signal: options.signal,
    });
  }

  async delete(resource: Resource, target: DeleteTarget, { signal }: RequestOptions = {}): Promise<DeleteOutcome> {
    const { namespace, name, uid, resourceVersion, orphan } = target;
    const body = {
      apiVersion: 'v1',
      kind: 'DeleteOptions',
      preconditions: { uid, resourceVersion },
      ...(orphan ? { propagationPolicy: 'Orphan' } : {}),
    };
    try {
      // A Status when it is gone; the object when it isn't yet, and for some kinds also when it is.
      const left = await this.#change<Partial<KubeObject>>({
        verb: 'delete',
        resource,
        namespace,
        name,
        body,
        signal,
      });
      return left.metadata?.deletionTimestamp === undefined ? 'Deleted' : 'Terminating';
    } catch (error) {
      if (isNotFound(error)) return 'NotFound';
      if (isConflict(error)) return 'Replaced';
      throw error;
    }
  }

  #change<T>(input: Omit<RequestInput, 'idleTimeoutMs' | 'fence'>): Promise<T> {
    return this.#transport.json<T>({ ...input, fence: this.#fence });
  }
}
