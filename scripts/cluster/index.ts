import { type Choice, chooseProvider, type Provider, readChoice } from './choice.ts';
import type { Cluster, ClusterRegistry } from './cluster.ts';
import { openGivenCluster } from './given.ts';
import { attachKindRegistry, openKindCluster } from './kind/index.ts';
import { attachLocalCluster, openLocalCluster } from './local/index.ts';

export type { Cluster, ClusterRegistry } from './cluster.ts';
export { attachLocalCluster } from './local/index.ts';

/** The registry beside a cluster that is up as it is, or undefined where that isn't ours to stop and start. */
export async function attachRegistry(
  provider: Cluster['provider'],
  name: string,
): Promise<ClusterRegistry | undefined> {
  if (provider === 'kind') return attachKindRegistry(name);
  return provider === 'local' ? (await attachLocalCluster(name)).registry : undefined;
}

/** Opens the cluster of this provider, bringing it up where that is ours to do. */
export async function openChosen(choice: Choice, provider: Provider): Promise<Cluster> {
  if (provider.kind === 'given') return openGivenCluster(provider.kubeconfig);
  return provider.kind === 'kind'
    ? openKindCluster(choice.name, choice.installEngine)
    : openLocalCluster(provider.name, choice.kubernetes);
}

/**
 * Opens the cluster that the environment names: a given one (LOCO_KUBECONFIG), else kind where a docker engine answers,
 * else the local one.
 */
export async function openCluster(environment: NodeJS.ProcessEnv = process.env): Promise<Cluster> {
  const choice = readChoice([], environment);
  return openChosen(choice, await chooseProvider(choice));
}
