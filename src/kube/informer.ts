import type { KubeClient } from './client.ts';
import type { Clock } from './clock.ts';
import type { KubeObject, Resource } from './object.ts';
import { Reflector, type ReflectorOptions } from './reflector.ts';
import { slim } from './slim.ts';
import { Store } from './store.ts';
import type { StringPool } from './string-pool.ts';

/** What all informers of a process share. */
export interface InformerContext {
  readonly client: KubeClient;
  readonly clock: Clock;
  readonly random: () => number;
  /** Namespaces to look at; none means all of them. */
  readonly namespaces: readonly string[];
  /** What their objects have in common; absent: each object is kept as it came. */
  readonly strings?: StringPool;
  /** Field managers that create objects with POST and apply them later: see `slim.ts`. */
  readonly fieldManagers?: readonly string[];
  readonly onFailure: ReflectorOptions<KubeObject>['onFailure'];
  readonly onRecovered?: NonNullable<ReflectorOptions<KubeObject>['onRecovered']>;
  readonly onSession?: NonNullable<ReflectorOptions<KubeObject>['onSession']>;
  readonly onHandlerError: (error: unknown) => void;
}

/** A store and the reflectors that fill it: one for the cluster, or one per namespace. */
export interface Informer<T extends KubeObject> {
  readonly store: Store<T>;
  readonly resource: Resource;
  /** Of one namespace that it was made for (`''` when it was made for all), or of all of them. */
  hasSynced(namespace?: string): boolean;
  /** Resolves when the store holds a whole list of that namespace. */
  synced(namespace: string): Promise<void>;
  start(): Promise<void>;
  stop(): Promise<void>;
}

/** Makes an informer; it asks nothing before `start`, which resolves when the store holds a whole list. */
export function createInformer<T extends KubeObject>(
  context: InformerContext,
  resource: Resource,
  options: { labelSelector?: string; transform?: (object: T) => T } = {},
): Informer<T> {
  const { clock, fieldManagers = [], onHandlerError } = context;
  const { transform = (same: T): T => same } = options;
  const store = new Store<T>({
    now: () => clock.monotonic(),
    onHandlerError,
    ...(context.strings === undefined ? {} : { strings: context.strings }),
    transform: (object) => transform(slim(object, fieldManagers)),
  });
  const namespaces = context.namespaces.length === 0 ? [''] : context.namespaces;
  const byNamespace = new Map(
    namespaces.map((namespace) => {
      const scope = { resource, namespace, labelSelector: options.labelSelector };
      return [namespace, new Reflector<T>({ ...context, scope, store })];
    }),
  );
  const reflectors = [...byNamespace.values()];
  const of = (namespace: string): Reflector<T> => {
    const reflector = byNamespace.get(namespace);
    if (reflector === undefined) throw new Error(`no informer of ${resource.plural} in namespace ${namespace}`);
    return reflector;
  };
  return {
    store,
    resource,
    hasSynced: (namespace) =>
      (namespace === undefined ? reflectors : [of(namespace)]).every((reflector) => reflector.hasSynced),
    synced: (namespace) => of(namespace).synced,
    start: async () => {
      for (const reflector of reflectors) reflector.start();
      await Promise.all(reflectors.map((reflector) => reflector.synced));
    },
    stop: async () => {
      await Promise.all(reflectors.map((reflector) => reflector.stop()));
    },
  };
}
