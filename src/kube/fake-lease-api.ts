import { ApiError } from './errors.ts';
import type { LeaseOptions } from './lease.ts';
import type { Lease } from './lease-object.ts';
import type { KubeObject } from './object.ts';

/**
 * How requests fare. `Down`: none arrives. `Hangs`: none is answered, and none takes effect. `Mute`: writes take
 * effect, and are answered with a failure.
 */
export type Health = 'Up' | 'Down' | 'Hangs' | 'Mute';

/** One lease in memory, kept as an API server does: a write of an old version is a conflict. For tests. */
export class FakeLeaseApi {
  health: Health = 'Up';
  lease: Lease | undefined;
  /** `get`, `post`, `replace`, as they came. */
  readonly requests: string[] = [];
  #version = 0;

  /** Requests of one process; they can be cut off from all the others'. */
  client(health: () => Health = () => this.health): LeaseOptions['client'] {
    const write = (lease: Lease): Lease => {
      this.#version += 1;
      this.lease = { ...lease, metadata: { ...lease.metadata, resourceVersion: String(this.#version) } };
      if (health() === 'Mute') throw new ApiError(500, 'InternalError', 'done, and not told');
      return this.lease;
    };
    const answer = async <T>(name: string, signal: AbortSignal | undefined, what: () => T): Promise<T> => {
      this.requests.push(name);
      if (health() === 'Down') throw new ApiError(0, 'Unreachable', 'connection refused');
      if (health() === 'Hangs') await aborted(signal);
      return what();
    };
    return {
      get: <T extends KubeObject>(_resource: unknown, _namespace: string, _name: string, options?: RequestSignal) =>
        answer('get', options?.signal, () => this.lease as T | undefined),
      post: <T extends KubeObject>(_resource: unknown, object: T, options?: RequestSignal) =>
        answer('post', options?.signal, () => {
          if (this.lease !== undefined) throw new ApiError(409, 'AlreadyExists', 'it is there');
          return write(object as unknown as Lease) as unknown as T;
        }),
      replace: <T extends KubeObject>(_resource: unknown, object: T, options?: RequestSignal) =>
        answer('replace', options?.signal, () => {
          if (this.lease === undefined) throw new ApiError(404, 'NotFound', 'there is none');
          if (object.metadata.resourceVersion !== this.lease.metadata.resourceVersion) {
            throw new ApiError(409, 'Conflict', 'it was changed');
          }
          return write(object as unknown as Lease) as unknown as T;
        }),
    };
  }
}

interface RequestSignal {
  readonly signal?: AbortSignal;
}

function aborted(signal: AbortSignal | undefined): Promise<never> {
  return new Promise((_, reject) => {
    signal?.addEventListener('abort', () => reject(new ApiError(0, 'Unreachable', 'aborted')), { once: true });
  });
}
