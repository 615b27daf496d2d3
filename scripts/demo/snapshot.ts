import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { execa } from 'execa';
import type { Cluster } from '../cluster/index.ts';
import { UserError } from '../console.ts';
import { NAMESPACE, PULL_SECRET, REGISTRY_CA } from './machines.ts';

type Registry = NonNullable<Cluster['registry']>;

const REPOSITORY = 'loco/qemu-snapshots:win98-base';

function dockerConfig(registry: Registry, host: string): string {
  const auth = Buffer.from(`${registry.username}:${registry.password}`).toString('base64');
  return JSON.stringify({ auths: { [host]: { auth } } });
}

/**
 * Puts the disk into the cluster's registry, as `oras push` does for anybody. The same disk makes the same manifest.
 * @returns the reference by which pods reach it
 * @throws UserError with what oras said
 */
export async function pushSnapshot(cluster: Cluster, registry: Registry, disk: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'loco-demo-'));
  try {
    const config = join(folder, 'config.json');
    await writeFile(config, dockerConfig(registry, registry.tls), { mode: 0o600 });
    const args = ['push', '--registry-config', config, '--ca-file', registry.caFile];
    args.push('--artifact-type', 'application/vnd.loco.qcow2');
    args.push('--annotation', 'org.opencontainers.image.created=2000-01-01T00:00:00Z');
    args.push(`${registry.tls}/${REPOSITORY}`, `${basename(disk)}:application/x-qcow2`);
    const pushed = await execa(cluster.oras, args, { cwd: dirname(disk), all: true, reject: false });
    if (pushed.exitCode !== 0) {
      throw new UserError(`the snapshot could not be pushed to ${registry.tls}:\n${pushed.all}`);
    }
    return `${registry.hostname}/${REPOSITORY}`;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** What a user of a private registry brings along: a pull secret, and the certificate that signs the registry's. */
export async function registryAccess(registry: Registry): Promise<object[]> {
  return [
    {
      apiVersion: 'v1',
      kind: 'Secret',
      type: 'kubernetes.io/dockerconfigjson',
      metadata: { name: PULL_SECRET, namespace: NAMESPACE },
      stringData: { '.dockerconfigjson': dockerConfig(registry, registry.hostname) },
    },
    {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: REGISTRY_CA, namespace: NAMESPACE },
      data: { 'ca.crt': await readFile(registry.caFile, 'utf8') },
    },
  ];
}
