import { dockerConfig, pushSnapshot as push } from '../../../scripts/push-snapshot.ts';
import type { Environment } from './environment.ts';

function registryOf({ registry }: Environment): NonNullable<Environment['registry']> {
  if (registry === undefined) throw new Error('this cluster has no registry');
  return registry;
}

/**
 * Pushes the test guest's disk, as a user would with oras.
 * @param reference `repository:tag` inside the cluster's registry
 * @returns the manifest's digest
 */
export async function pushSnapshot(environment: Environment, reference: string): Promise<string> {
  return push(environment.oras, registryOf(environment), environment.guestDisk, reference);
}

/** A docker `config.json` for the cluster's registry as pods reach it. */
export function pullConfig(environment: Environment, password: string): string {
  const registry = registryOf(environment);
  return dockerConfig({ ...registry, password }, registry.hostname);
}
