import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { UserError, withProgress } from '../console.ts';
import { stateFolder } from '../folders.ts';
import { ensureTools } from '../tools.ts';
import type { Cluster } from './cluster.ts';
import { findImage, saveImage } from './engine.ts';

/** The image of Kubernetes 1.36 that kind 0.33.0 was released with; its default is a newer Kubernetes. */
const NODE_IMAGE = 'kindest/node:v1.36.4@sha256:099e049362a1526b2db71494e1947aae99bd16290d7c895f2b7ea312e3cbfaed';

/** Where a kind cluster's kubeconfig lies. */
export function kindKubeconfig(name: string): string {
  return join(stateFolder, 'kind', name, 'kubeconfig');
}

/** Kubernetes 1.36 refuses machines with control groups of version 1 unless it is told not to. */
const CONFIGURATION = JSON.stringify({
  kind: 'Cluster',
  apiVersion: 'kind.x-k8s.io/v1alpha4',
  kubeadmConfigPatches: [
    JSON.stringify({
      apiVersion: 'kubelet.config.k8s.io/v1beta1',
      kind: 'KubeletConfiguration',
      failCgroupV1: false,
    }),
  ],
});

async function kind(program: string, args: readonly string[], input?: string): Promise<string> {
  const result = await execa(program, args, { reject: false, ...(input === undefined ? {} : { input }) });
  if (result.exitCode !== 0) {
    throw new UserError(
      `kind ${args.join(' ')} failed. Where it can't work, "--provider local" needs no docker.\n${result.stderr}`,
    );
  }
  return result.stdout;
}

/** Copies an image of whichever engine has it into the nodes; kind itself skips what is there. */
async function load(program: string, name: string, image: string): Promise<void> {
  const stored = await findImage(image);
  if (stored.engine === 'docker') {
    await kind(program, ['load', 'docker-image', image, '--name', name]);
    return;
  }
  const folder = await mkdtemp(join(tmpdir(), 'loco-load-'));
  try {
    const archive = join(folder, 'image.tar');
    await saveImage(stored, image, archive);
    await kind(program, ['load', 'image-archive', archive, '--name', name]);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Removes the kind cluster of this name, if there is one. */
export async function removeKindCluster(name: string): Promise<void> {
  const { kind: program } = await ensureTools(['kind']);
  await kind(program, ['delete', 'cluster', '--name', name, '--kubeconfig', kindKubeconfig(name)]);
}

/** A cluster of one node in a docker engine; it has no registry of its own. */
export async function openKindCluster(name: string): Promise<Cluster> {
  const { kubectl, helm, oras, kind: program } = await ensureTools(['kubectl', 'helm', 'oras', 'kind']);
  const kubeconfig = kindKubeconfig(name);
  await mkdir(join(kubeconfig, '..'), { recursive: true });
  const known = await kind(program, ['get', 'clusters']);
  const place = ['--name', name, '--kubeconfig', kubeconfig];
  if (known.split('\n').includes(name)) {
    await kind(program, ['export', 'kubeconfig', ...place]);
  } else {
    const details = ['--image', NODE_IMAGE, '--wait', '120s', '--config', '-'];
    const creating = kind(program, ['create', 'cluster', ...place, ...details], CONFIGURATION);
    await withProgress(`Making the kind cluster "${name}"`, creating);
  }
  return {
    provider: 'kind',
    name,
    kubeconfig,
    kubectl,
    helm,
    oras,
    load: (image) => withProgress(`Loading ${image} into kind`, load(program, name, image)),
    down: () => removeKindCluster(name),
  };
}
