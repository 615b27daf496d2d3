import { readFile } from 'node:fs/promises';
import { KubeClient } from '../../src/kube/client.ts';
import { systemClock } from '../../src/kube/clock.ts';
import type { Connection } from '../../src/kube/connection.ts';
import type { KubeObject, Resource } from '../../src/kube/object.ts';
import { Reflector } from '../../src/kube/reflector.ts';
import { type Change, Store } from '../../src/kube/store.ts';

export const CONFIG_MAPS: Resource = { group: '', version: 'v1', plural: 'configmaps', kind: 'ConfigMap' };
export const NAMESPACES: Resource = { group: '', version: 'v1', plural: 'namespaces', kind: 'Namespace' };

export type ConfigMap = KubeObject & { readonly data?: Readonly<Record<string, string>> };

export function configMap(namespace: string, name: string, value = ''): ConfigMap {
  return { metadata: { namespace, name }, data: { value } };
}

/** A reflector of one namespace's ConfigMaps; the API server's audit log knows it by `userAgent`. */
export function watchConfigMaps(connection: Connection, namespace: string, userAgent: string) {
  const store = new Store<ConfigMap>({
    now: () => performance.now(),
    onHandlerError: (error) => {
      throw error;
    },
  });
  const changes: Change<ConfigMap>[] = [];
  store.onChange((change) => changes.push(change));
  const failures: { message: string; retryInMs: number }[] = [];
  const sessions: string[] = [];
  const reflector = new Reflector<ConfigMap>({
    client: new KubeClient(connection, { userAgent }),
    scope: { resource: CONFIG_MAPS, namespace },
    store,
    clock: systemClock,
    random: Math.random,
    onSession: ({ kind }) => sessions.push(kind),
    onFailure: ({ error, retryInMs }) => failures.push({ message: String(error), retryInMs }),
  });
  reflector.start();
  /** Name → value of everything in the store. */
  const held = (): Record<string, string> =>
    Object.fromEntries([...store.values()].map(({ metadata, data }) => [metadata.name, data?.['value'] ?? '']));
  return { store, reflector, changes, failures, sessions, held };
}

/** How the API server answered the requests of `userAgent`, in the order in which they ended. */
export async function answersTo(
  auditLog: string,
  userAgent: string,
): Promise<{ code: number; streamsList: boolean }[]> {
  const lines = (await readFile(auditLog, 'utf8'))
    .split('\n')
    .filter((line) => line.includes(JSON.stringify(userAgent)));
  return lines
    .map((line) => JSON.parse(line) as { stage: string; requestURI: string; responseStatus?: { code?: number } })
    .filter(({ stage }) => stage === 'ResponseComplete')
    .map(({ requestURI, responseStatus }) => ({
      code: responseStatus?.code ?? 0,
      streamsList: requestURI.includes('sendInitialEvents=true'),
    }));
}
