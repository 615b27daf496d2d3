import { join } from 'node:path';
import { execa } from 'execa';
import { UserError } from '../../console.ts';
import { CLUSTER_TOOLS, ensureTools } from '../../tools.ts';
import type { Cluster, ClusterRegistry } from '../cluster.ts';
import { withLock } from '../lock.ts';
import { allComponents, registryComponents } from './components.ts';
import { down } from './down.ts';
import { killContainer } from './kill-container.ts';
import { waitKubelet } from './kubectl.ts';
import { addressesOf, type Layout, layoutOf, localClustersFolder, REGISTRY_HOST, REGISTRY_PORTS } from './layout.ts';
import { loadImage } from './load.ts';
import { findNode, inNode } from './node.ts';
import { waitContainerd } from './node-images.ts';
import { lockName, readSettings } from './settings.ts';
import { type RunningNode, startComponent, stopComponent, waitReady } from './supervise.ts';
import { type LocalCluster, up } from './up.ts';

export { describe } from './status.ts';

/** Where the local cluster of this name keeps what it has. */
export function localLayout(name: string): Layout {
  return layoutOf(localClustersFolder, name);
}

function registryOf({ node, addresses, settings }: LocalCluster): ClusterRegistry {
  const listeners = registryComponents(node.layout, addresses);
  return {
    tls: `${addresses.node}:${REGISTRY_PORTS.tls}`,
    plain: `${addresses.node}:${REGISTRY_PORTS.plain}`,
    hostname: `${REGISTRY_HOST}:${REGISTRY_PORTS.tls}`,
    caFile: join(node.layout.pki, 'registry-ca.crt'),
    username: settings.registry.username,
    password: settings.registry.password,
    async stop() {
      await withLock(lockName(node.layout), async () => {
        for (const listener of listeners) await stopComponent(node, listener);
      });
    },
    async start() {
      await withLock(lockName(node.layout), async () => {
        for (const listener of listeners) await startComponent(node, listener);
        for (const listener of listeners) await waitReady(node, listener);
      });
    },
  };
}

async function restart({ node, addresses }: LocalCluster, name: 'kubelet' | 'containerd'): Promise<void> {
  const component = allComponents(node.layout, addresses).find((candidate) => candidate.name === name);
  if (component === undefined) return;
  await withLock(lockName(node.layout), async () => {
    await stopComponent(node, component);
    await startComponent(node, component);
    await waitReady(node, component);
    await (name === 'containerd' ? waitContainerd(node) : waitKubelet(node));
  });
}

/** Brings the local cluster up, or mends what has died of it. */
export async function openLocalCluster(name: string): Promise<Cluster> {
  return asCluster(name, await up(localLayout(name)));
}

/**
 * The local cluster of this name as it is, with nothing mended: a test may have stopped something on purpose.
 * @throws UserError when it isn't up
 */
export async function attachLocalCluster(name: string): Promise<Cluster> {
  const layout = localLayout(name);
  const settings = await readSettings(layout);
  const first = await findNode(layout);
  if (settings === undefined || first === undefined) {
    throw new UserError(`The cluster "${name}" is not up. Bring it up: npm run cluster -- up`);
  }
  const node: RunningNode = { layout, first, tools: await ensureTools(CLUSTER_TOOLS) };
  return asCluster(name, { node, addresses: addressesOf(settings.index), settings });
}

function asCluster(name: string, cluster: LocalCluster): Cluster {
  const { layout, tools } = cluster.node;
  return {
    provider: 'local',
    name,
    kubeconfig: layout.kubeconfig,
    kubectl: tools.kubectl,
    helm: tools.helm,
    oras: tools.oras,
    registry: registryOf(cluster),
    auditLog: layout.auditLog,
    node: {
      restartKubelet: () => restart(cluster, 'kubelet'),
      restartContainerd: () => restart(cluster, 'containerd'),
      killContainer: (namespace, pod, container) => killContainer(cluster.node, namespace, pod, container),
      run: async (command) => (await execa(...inNode(cluster.node.first, command))).stdout,
    },
    load: (image) => loadImage(cluster.node, image),
    down: () => down(layout),
  };
}

/** Takes the local cluster of this name down, whatever of it is there. */
export async function removeLocalCluster(name: string): Promise<void> {
  await down(localLayout(name));
}
