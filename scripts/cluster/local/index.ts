import { execa } from 'execa';
import { UserError } from '../../console.ts';
import { CLUSTER_TOOLS, ensureTools, type KubernetesMinor } from '../../tools.ts';
import type { Cluster } from '../cluster.ts';
import { withLock } from '../lock.ts';
import { allComponents } from './components.ts';
import { down } from './down.ts';
import { waitKubelet } from './kubectl.ts';
import { addressesOf, type Layout, layoutOf, localClustersFolder } from './layout.ts';
import { loadImage } from './load.ts';
import { findNode, inNode } from './node.ts';
import { waitContainerd } from './node-images.ts';
import { registryControl } from './registry.ts';
import { lockName, readSettings } from './settings.ts';
import { killContainer, stopContainer } from './signal-container.ts';
import { type RunningNode, startComponent, stopComponent, waitReady } from './supervise.ts';
import { type LocalCluster, up } from './up.ts';

export { describe } from './status.ts';

/** Where the local cluster of this name keeps what it has. */
export function localLayout(name: string): Layout {
  return layoutOf(localClustersFolder, name);
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

/**
 * Brings the local cluster up, or mends what has died of it.
 * @param kubernetes what it is made of when there is none; one that is there keeps its own
 */
export async function openLocalCluster(name: string, kubernetes?: KubernetesMinor): Promise<Cluster> {
  return asCluster(name, await up(localLayout(name), kubernetes));
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
  const node: RunningNode = { layout, first, tools: await ensureTools(CLUSTER_TOOLS, settings.kubernetes) };
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
    registry: registryControl(cluster.node, cluster.addresses, cluster.settings),
    auditLog: layout.auditLog,
    node: {
      restartKubelet: () => restart(cluster, 'kubelet'),
      restartContainerd: () => restart(cluster, 'containerd'),
      killContainer: (...container) => killContainer(cluster.node, ...container),
      stopContainer: (...container) => stopContainer(cluster.node, ...container),
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
