import type { ListPage, WatchEvent, WatchOptions } from './collection.ts';
import { ApiError } from './errors.ts';
import { type KubeObject, keyOf } from './object.ts';

interface Happening {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED';
  readonly object: KubeObject;
}

/** What can go wrong with the next request, or with one under way. */
export type Fault = 'Refused' | 'Unreachable' | 'Unavailable' | 'CutEarly';

/**
 * An API server for property tests: one collection, its history, and faults on demand. Versions grow with each change;
 * what is older than `compacted` is forgotten; a list is of one version, however many pages it has.
 */
export class ModelServer {
  readonly objects = new Map<string, KubeObject>();
  readonly #history: Happening[] = [];
  readonly #faults: Fault[] = [];
  readonly #pages = new Map<string, { version: string; rest: KubeObject[] }>();
  readonly #streams: boolean;
  readonly #opaque: boolean;
  #version = 10;
  #compacted = 0;
  #breaks = 0;
  /** While it is set, answers that are made stay on their way. */
  #held: PromiseWithResolvers<void> | undefined;
  #wake = Promise.withResolvers<void>();

  /** @param opaque its versions don't look like numbers */
  constructor({ streams, opaque }: { streams: boolean; opaque: boolean }) {
    this.#streams = streams;
    this.#opaque = opaque;
  }

  put(name: string): KubeObject {
    const before = this.objects.get(`n/${name}`);
    const resourceVersion = this.#next();
    const uid = before?.metadata.uid ?? `uid-${resourceVersion}`;
    const object: KubeObject = {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name, namespace: 'n', uid, resourceVersion },
    };
    this.objects.set(keyOf(object), object);
    this.#happen({ type: before === undefined ? 'ADDED' : 'MODIFIED', object });
    return object;
  }

  remove(name: string): KubeObject | undefined {
    const before = this.objects.get(`n/${name}`);
    if (before === undefined) return undefined;
    this.objects.delete(`n/${name}`);
    const object = { ...before, metadata: { ...before.metadata, resourceVersion: this.#next() } };
    this.#happen({ type: 'DELETED', object });
    return object;
  }

  /** Forgets all history, and so all pages that are still to be given out. */
  compact(): void {
    this.#compacted = this.#version;
    this.#pages.clear();
  }

  /** From now on answers and events are made, and arrive when they are delivered. */
  hold(): void {
    this.#held ??= Promise.withResolvers();
  }

  deliver(): void {
    this.#held?.resolve();
    this.#held = undefined;
  }

  /** Nothing goes wrong any more, and nothing is held back. */
  heal(): void {
    this.#faults.length = 0;
    this.deliver();
  }

  /** Ends every watch without a word. */
  disconnect(): void {
    this.#breaks += 1;
    this.#awaken();
  }

  failNext(fault: Fault): void {
    this.#faults.push(fault);
  }

  async list(_scope: unknown, limit: number, from?: string): Promise<ListPage<KubeObject>> {
    this.#maybeFail();
    const page =
      from === undefined ? { version: this.#named(), rest: [...this.objects.values()] } : this.#pages.get(from);
    if (page === undefined) throw new ApiError(410, 'Expired', 'the page is of a version too old');
    await this.#held?.promise;
    const { version, rest } = page;
    if (rest.length <= limit) return { resourceVersion: version, next: undefined, items: rest };
    const next = `${version}/${rest.length}`;
    this.#pages.set(next, { version, rest: rest.slice(limit) });
    return { resourceVersion: version, next, items: rest.slice(0, limit) };
  }

  async *watch({ resourceVersion, signal }: WatchOptions): AsyncGenerator<WatchEvent<KubeObject>> {
    if (resourceVersion === undefined && !this.#streams) throw new ApiError(422, 'Invalid', 'no streams here');
    const cut = this.#maybeFail();
    const breaks = this.#breaks;
    signal.addEventListener('abort', () => this.#awaken(), { once: true });
    if (resourceVersion !== undefined && numberOf(resourceVersion) < this.#compacted) {
      throw new ApiError(410, 'Expired', 'too old resource version');
    }
    let at = resourceVersion === undefined ? this.#version : numberOf(resourceVersion);
    if (resourceVersion === undefined) {
      const there = [...this.objects.values()];
      await this.#held?.promise;
      for (const object of cut ? there.slice(1) : there) yield { type: 'ADDED', object };
      if (cut) throw new ApiError(0, 'Unreachable', 'cut in the middle of a list');
      const annotations = { 'k8s.io/initial-events-end': 'true' };
      yield { type: 'BOOKMARK', object: { metadata: { name: '', resourceVersion: this.#named(at), annotations } } };
    }
    for (;;) {
      const next = this.#history.find((each) => versionOf(each) > at);
      await (next === undefined ? this.#wake.promise : this.#held?.promise);
      if (cut || this.#breaks !== breaks || signal.aborted) throw new ApiError(0, 'Unreachable', 'reset');
      if (next === undefined) continue;
      at = versionOf(next);
      yield next;
    }
  }

  #next(): string {
    this.#version += 1;
    return this.#named();
  }

  #named(version = this.#version): string {
    return this.#opaque ? `v${version}` : String(version);
  }

  #happen(happening: Happening): void {
    this.#history.push(happening);
    this.#awaken();
  }

  #awaken(): void {
    this.#wake.resolve();
    this.#wake = Promise.withResolvers();
  }

  /** True: what is begun now is to be cut early. */
  #maybeFail(): boolean {
    const fault = this.#faults.shift();
    if (fault === 'Refused') throw new ApiError(403, 'Forbidden', 'not allowed just now');
    if (fault === 'Unreachable') throw new ApiError(0, 'Unreachable', 'refused');
    if (fault === 'Unavailable') throw new ApiError(503, 'ServiceUnavailable', 'not now', { retryAfterSeconds: 1 });
    return fault === 'CutEarly';
  }
}

function versionOf({ object }: Happening): number {
  return numberOf(object.metadata.resourceVersion ?? '');
}

/** Only the server itself may know what its versions mean. */
export function numberOf(version: string): number {
  return Number(version.replace('v', ''));
}
