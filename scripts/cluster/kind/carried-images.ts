import { execa } from 'execa';
import { UserError } from '../../console.ts';
import type { SmallImage } from '../local/image-archive.ts';
import type { StorageAddOn } from './module.ts';

/** The programs that a node's images are made of. */
export const CARRIED_TOOLS = [
  'kube-apiserver',
  'kube-controller-manager',
  'kube-scheduler',
  'kube-proxy',
  'etcd',
  'coredns',
  'pause',
  'local-path-provisioner',
] as const;

type CarriedTool = (typeof CARRIED_TOOLS)[number];

export type CarriedPrograms = Readonly<Record<CarriedTool, string>>;

/** Folder of a program in its image: where the manifests that kubeadm writes look for it. */
const FOLDERS: Readonly<Partial<Record<CarriedTool, string>>> = { coredns: '', pause: '' };

/** The program that an image of kubeadm's list is made of; its name is the last part of the image's. */
function toolOf(image: string): CarriedTool | undefined {
  const name = image.split('/').at(-1)?.split(':')[0];
  return CARRIED_TOOLS.find((tool) => tool === name);
}

function imageOf(name: string, tool: CarriedTool, programs: CarriedPrograms, root?: string): SmallImage {
  const path = `${FOLDERS[tool] ?? 'usr/local/bin/'}${tool}`;
  return {
    name,
    files: { [path]: programs[tool] },
    entrypoint: [`/${path}`],
    ...(root === undefined ? {} : { root }),
  };
}

/**
 * The images that a node needs before it can pull any.
 * @param names what kubeadm lists, and the sandbox image of containerd's configuration
 * @param root a tar archive with the programs that kube-proxy calls
 */
export function carriedImages(
  names: readonly string[],
  storage: StorageAddOn,
  programs: CarriedPrograms,
  root: string,
): readonly SmallImage[] {
  const control = [...new Set(names)].map((name) => {
    const tool = toolOf(name);
    if (tool === undefined) throw new UserError(`A kind node needs the image ${name}, and no pinned program makes it.`);
    return imageOf(name, tool, programs, tool === 'kube-proxy' ? root : undefined);
  });
  const applets = ['sh', 'mkdir', 'rm'].map((name) => [`bin/${name}`, '->busybox']);
  return [
    ...control,
    imageOf(storage.provisionerImage, 'local-path-provisioner', programs),
    {
      name: storage.helperImage,
      files: { 'bin/busybox': '/bin/busybox', ...Object.fromEntries(applets) },
      entrypoint: [],
    },
  ];
}

/** The images that kubeadm of this version puts into its manifests. */
export async function imagesOfKubeadm(kubeadm: string, version: string): Promise<readonly string[]> {
  const listed = await execa(kubeadm, ['config', 'images', 'list', '--kubernetes-version', version]);
  return listed.stdout.split('\n').filter(Boolean);
}
