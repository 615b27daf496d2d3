import type { KubeClient } from './client.ts';
import type { Clock } from './clock.ts';
import type { KubeObject, Resource } from './object.ts';
import { Reflector, type ReflectorOptions } from './reflector.ts';
import { Store } from './store.ts';

/** What all informers of a process share. */
export interface InformerContext {
  readonly client: KubeClient;
  readonly clock: Clock;
  readonly random: () => number;
  /** Namespaces to look at; none means all of them. */
  readonly namespaces: readonly string[];
  readonly onFailure: ReflectorOptions<KubeObject>['onFailure'];
  readonly onHandlerError: (error: unknown) => void;
}

/** A store and the reflectors that fill it: one for the cluster, or one per namespace. */
export interface Informer<T extends KubeObject> {
  readonly store: Store<T>;
  readonly resource: Resource;
  hasSynced(): boolean;
  start(): Promise<void>;
  stop(): Promise<void>;
}

/** Makes an informer; it asks nothing before `start`, which resolves when the store holds a whole list. */
export function createInformer<T extends KubeObject>(
  context: InformerContext,
  resource: Resource,
  options: { labelSelector?: string; transform?: (object: T) => T } = {},
): Informer<T> {
  const store = new Store<T>({
    now: () => context.clock.now(),
    onHandlerError: context.onHandlerError,
    transform: (object) => (options.transform ?? ((same: T) => same))(withoutManagedFields(object)),
  });
  const namespaces = context.namespaces.length === 0 ? [''] : context.namespaces;
  const reflectors = namespaces.map((namespace) => {
    const scope = { resource, namespace, labelSelector: options.labelSelector };
    return new Reflector<T>({ ...context, scope, store });
  });
  return {
    store,
    resource,
    hasSynced: () => reflectors.every((reflector) => reflector.hasSynced),
    start: async () => {
      for (const reflector of reflectors) reflector.start();
      await Promise.all(reflectors.map((reflector) => reflector.synced));
    },
    stop: async () => {
      await Promise.all(reflectors.map((reflector) => reflector.stop()));
    },
  };
}

/** Who set which field is often half of an object's size, and no decision is made from it. */
function withoutManagedFields<T extends KubeObject>(object: T): T {
  const { managedFields: _, ...metadata } = object.metadata as KubeObject['metadata'] & { managedFields?: unknown };
  return { ...object, metadata };
}
