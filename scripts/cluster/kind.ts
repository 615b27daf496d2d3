import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { step, UserError, withProgress } from '../console.ts';
import { stateFolder } from '../folders.ts';
import { ensureTools } from '../tools.ts';
import type { Cluster } from './cluster.ts';

/** The image of Kubernetes 1.36 that kind 0.33.0 was released with; its default is a newer Kubernetes. */
const NODE_IMAGE = 'kindest/node:v1.36.4@sha256:099e049362a1526b2db71494e1947aae99bd16290d7c895f2b7ea312e3cbfaed';

/** Where a kind cluster's kubeconfig lies. */
export function kindKubeconfig(name: string): string {
  return join(stateFolder, 'kind', name, 'kubeconfig');
}

async function kind(program: string, ...args: string[]): Promise<string> {
  const result = await execa(program, args, { reject: false });
  if (result.exitCode !== 0) throw new UserError(`kind ${args.join(' ')} failed: ${result.stderr}`);
  return result.stdout;
}

/** Removes the kind cluster of this name, if there is one. */
export async function removeKindCluster(name: string): Promise<void> {
  const { kind: program } = await ensureTools(['kind']);
  await kind(program, 'delete', 'cluster', '--name', name, '--kubeconfig', kindKubeconfig(name));
}

/** A cluster of one node in a docker engine; it has no registry of its own. */
export async function openKindCluster(name: string): Promise<Cluster> {
  const { kubectl, helm, oras, kind: program } = await ensureTools(['kubectl', 'helm', 'oras', 'kind']);
  const kubeconfig = kindKubeconfig(name);
  await mkdir(join(kubeconfig, '..'), { recursive: true });
  const known = await kind(program, 'get', 'clusters');
  const place = ['--name', name, '--kubeconfig', kubeconfig];
  if (known.split('\n').includes(name)) {
    await kind(program, 'export', 'kubeconfig', ...place);
  } else {
    const creating = kind(program, 'create', 'cluster', ...place, '--image', NODE_IMAGE, '--wait', '120s');
    await withProgress(`Making the kind cluster "${name}"`, creating);
  }
  return {
    provider: 'kind',
    name,
    kubeconfig,
    kubectl,
    helm,
    oras,
    async load(image) {
      step(`Loading ${image} into kind`);
      await kind(program, 'load', 'docker-image', image, '--name', name);
    },
    down: () => removeKindCluster(name),
  };
}
