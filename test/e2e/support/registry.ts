import { withLock } from '../../../scripts/cluster/lock.ts';
import { dockerConfig, pushSnapshot as push } from '../../../scripts/push-snapshot.ts';
import type { Environment } from './environment.ts';

function registryOf({ registry }: Environment): NonNullable<Environment['registry']> {
  if (registry === undefined) throw new Error('this cluster has no registry');
  return registry;
}

/** Does the work while no other scenario stops the registry, or needs it to answer. */
export function withRegistry<T>({ clusterName }: Environment, work: () => Promise<T>): Promise<T> {
  return withLock(`loco-e2e-${clusterName}-registry`, work);
}

/**
 * Pushes the test guest's disk, as a user would with oras.
 * @param reference `repository:tag` inside the cluster's registry
 * @returns the manifest's digest
 */
export async function pushSnapshot(environment: Environment, reference: string): Promise<string> {
  const { oras, guestDisk } = environment;
  return withRegistry(environment, () => push(oras, registryOf(environment), guestDisk, reference));
}

/** A docker `config.json` for the cluster's registry as pods reach it. */
export function pullConfig(environment: Environment, password: string): string {
  const registry = registryOf(environment);
  return dockerConfig({ ...registry, password }, registry.hostname);
}
