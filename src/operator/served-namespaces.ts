import { ApiError, errorMessage } from '../kube/errors.ts';
import type { Informer } from '../kube/informer.ts';
import type { KubeObject } from '../kube/object.ts';

interface Log {
  warn(fields: object, message: string): void;
  info(fields: object, message: string): void;
}

export interface ServedNamespacesOptions {
  readonly informers: readonly Pick<Informer<KubeObject>, 'synced' | 'resource' | 'hasSynced'>[];
  /** Those that are asked for; none means the whole cluster. */
  readonly namespaces: readonly string[];
  readonly log: Log;
}

/**
 * Which namespaces the operator works in. One counts as a whole: it is served when every kind of it is in the caches,
 * because from half of them what is missing would be made a second time. One that is refused, as every namespace is that
 * was deleted with the rights in it, is left out until it can be listed, so that the others don't wait for it.
 */
export class ServedNamespaces {
  readonly #options: ServedNamespacesOptions;
  readonly #namespaces: readonly string[];
  readonly #served = new Set<string>();
  readonly #refused = new Set<string>();
  readonly #settled = Promise.withResolvers<void>();

  constructor(options: ServedNamespacesOptions) {
    this.#options = options;
    this.#namespaces = options.namespaces.length === 0 ? [''] : options.namespaces;
  }

  /** Resolves when each namespace is served or refused, and one at least is served. */
  get settled(): Promise<void> {
    return this.#settled.promise;
  }

  /** Waits for the caches; `onServed` is told of each namespace that is served from now on, `''` being all. */
  start(onServed: (namespace: string) => void): void {
    for (const namespace of this.#namespaces) {
      void Promise.all(this.#options.informers.map((informer) => informer.synced(namespace))).then(() => {
        if (this.#refused.delete(namespace))
          this.#options.log.info({ namespace }, 'the namespace is served from now on');
        this.#served.add(namespace);
        this.#settle();
        onServed(namespace);
      });
    }
  }

  /** A kind of it could not be listed or watched. */
  failed(namespace: string, error: unknown): void {
    if (!(error instanceof ApiError) || error.code !== 403) return;
    if (this.#served.has(namespace) || this.#refused.has(namespace)) return;
    this.#refused.add(namespace);
    if (namespace !== '') {
      const why = `the namespace is not served before it can be listed: ${errorMessage(error)}`;
      this.#options.log.warn({ namespace }, why);
    }
    this.#settle();
  }

  serves(namespace: string): boolean {
    return this.#served.has(namespace) || this.#served.has('');
  }

  /** Kinds that are waited for. */
  unfilled(): string[] {
    const awaited = this.#namespaces.filter((namespace) => this.#served.size === 0 || !this.#refused.has(namespace));
    return this.#options.informers
      .filter((informer) => !awaited.every((namespace) => informer.hasSynced(namespace)))
      .map(({ resource }) => resource.plural);
  }

  #settle(): void {
    const open = this.#namespaces.filter((namespace) => !this.#served.has(namespace) && !this.#refused.has(namespace));
    if (open.length === 0 && this.#served.size > 0) this.#settled.resolve();
  }
}
