import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { execa } from 'execa';
import { parseAuditLine } from '../../chaos/operator/audit.ts';
import { openSimulatedCluster, type SimulatedCluster } from '../../scripts/cluster/simulated/index.ts';
import { type Applier, type ApplyOutcome, applyIfChanged } from '../../src/kube/apply.ts';
import { KubeClient } from '../../src/kube/client.ts';
import { systemClock } from '../../src/kube/clock.ts';
import { openConnection } from '../../src/kube/connection.ts';
import { createInformer, type Informer } from '../../src/kube/informer.ts';
import { type KubeObject, keyOf, type Resource } from '../../src/kube/object.ts';

export const CONFIG_MAPS: Resource = { group: '', version: 'v1', plural: 'configmaps', kind: 'ConfigMap' };
export const STATEFUL_SETS: Resource = { group: 'apps', version: 'v1', plural: 'statefulsets', kind: 'StatefulSet' };

export type ConfigMap = KubeObject & { readonly data?: Readonly<Record<string, string>> };

/** A real API server, and a controller's view of some of its kinds: caches, and a client that the audit log knows. */
export interface Ground {
  readonly cluster: SimulatedCluster;
  readonly client: KubeClient;
  /** The same, and not the controller. */
  readonly onlooker: KubeClient;
  readonly applier: Applier;
  readonly configMaps: Informer<ConfigMap>;
  readonly statefulSets: Informer<KubeObject>;
  kubectl(...args: string[]): Promise<string>;
  close(): Promise<void>;
}

const IDENTITY = 'tended';
export const FIELD_MANAGER = 'tester';

export async function openGround(name: string): Promise<Ground> {
  const cluster = await openSimulatedCluster(name, { parts: 'api' });
  const connection = await openConnection(systemClock, cluster.kubeconfig);
  const client = new KubeClient(connection, { userAgent: `loco-operator/test (${IDENTITY})` });
  const onlooker = new KubeClient(connection, { userAgent: 'onlooker' });
  const fail = (error: unknown): never => {
    throw error;
  };
  const context = {
    client: onlooker,
    clock: systemClock,
    random: Math.random,
    namespaces: ['default'],
    fieldManagers: [FIELD_MANAGER],
    onFailure: () => undefined,
    onHandlerError: fail,
  };
  const configMaps = createInformer<ConfigMap>(context, CONFIG_MAPS);
  const statefulSets = createInformer(context, STATEFUL_SETS);
  await Promise.all([configMaps.start(), statefulSets.start()]);
  const isOurs = ({ metadata }: KubeObject): boolean => metadata.labels?.['by'] === FIELD_MANAGER;
  return {
    cluster,
    client,
    onlooker,
    applier: { client, fieldManager: FIELD_MANAGER, hashAnnotation: 'example.org/hash', isOurs },
    configMaps,
    statefulSets,
    kubectl: async (...args) => (await execa(cluster.kubectl, ['--kubeconfig', cluster.kubeconfig, ...args])).stdout,
    close: async () => {
      await Promise.all([configMaps.stop(), statefulSets.stop()]);
      connection.agent.destroy();
      await cluster.down();
    },
  };
}

/** A ConfigMap of ours. */
export function ours(name: string, data: Readonly<Record<string, string>>): ConfigMap {
  return { metadata: { name, namespace: 'default', labels: { by: FIELD_MANAGER } }, data };
}

export function apply({ applier, configMaps }: Ground, wanted: ConfigMap): Promise<ApplyOutcome<ConfigMap>> {
  return applyIfChanged(applier, CONFIG_MAPS, configMaps.store, wanted);
}

/** Waits until the cache holds this very version of the object, as the API server has it now. */
export async function caughtUp<T extends KubeObject>(
  { onlooker }: Ground,
  { store, resource }: Informer<T>,
  name: string,
) {
  const now = await onlooker.get(resource, 'default', name);
  await until(() => store.get(`default/${name}`)?.metadata.resourceVersion === now?.metadata.resourceVersion);
}

/** Waits for a condition; the test's own time limit ends it. */
export async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await holds())) await sleep(20);
}

/** What the client was answered about one object, in order: `verb code`. */
export async function answersAbout({ cluster }: Ground, object: KubeObject): Promise<string[]> {
  const lines = (await readFile(cluster.auditLog, 'utf8')).split('\n');
  return lines
    .map((line) => parseAuditLine(line))
    .filter((entry) => entry !== undefined)
    .filter(({ identity, namespace, name }) => identity === IDENTITY && `${namespace}/${name}` === keyOf(object))
    .map(({ verb, code }) => `${verb} ${code}`);
}
