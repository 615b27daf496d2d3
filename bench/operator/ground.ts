import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { execa } from 'execa';
import { Api } from '../../scripts/cluster/simulated/agents/api.ts';
import { openSimulatedCluster, type SimulatedCluster } from '../../scripts/cluster/simulated/index.ts';
import { waitFor } from '../../scripts/cluster/wait.ts';

/** A cluster to measure on, with what the measuring needs of it. */
export interface Ground {
  readonly cluster: SimulatedCluster;
  /** As the cluster's administrator. */
  readonly api: Api;
  /** For programs and what they write. */
  readonly folder: string;
  /** Applies files or folders. */
  apply(paths: readonly string[]): Promise<void>;
  /** Makes a namespace, and these objects. */
  applyObjects(namespace: string, objects: readonly unknown[]): Promise<void>;
  /** Waits until a CRD's collection is served. */
  served(path: string): Promise<void>;
  close(): Promise<void>;
}

export async function openGround(name: string, programsInPods: readonly string[]): Promise<Ground> {
  const cluster = await openSimulatedCluster(name, { programsInPods });
  const folder = await mkdtemp(path.join(tmpdir(), 'loco-bench-'));
  const kubectl = (args: readonly string[], input?: string) =>
    execa(cluster.kubectl, [`--kubeconfig=${cluster.kubeconfig}`, ...args], input === undefined ? {} : { input });
  const api = await Api.open(cluster.kubeconfig);
  const apply = async (paths: readonly string[]) => {
    await kubectl(['apply', '--server-side', ...paths.map((file) => `--filename=${file}`)]);
  };
  return {
    cluster,
    api,
    folder,
    apply,
    applyObjects: async (namespace, objects) => {
      const first = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } };
      const list = { apiVersion: 'v1', kind: 'List', items: [first, ...objects] };
      await kubectl(['apply', '--server-side', '--filename=-'], JSON.stringify(list));
      // Before that, no pod can be made in it.
      await kubectl(['wait', '--for=create', 'serviceaccount/default', `--namespace=${namespace}`, '--timeout=60s']);
    },
    served: async (path) => {
      const answers = async () => ((await api.ask('GET', path)).status === 200 ? true : undefined);
      await waitFor(`${path} to be served`, answers, { seconds: 60 });
    },
    close: async () => {
      await cluster.down();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
