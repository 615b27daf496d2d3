import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, rename, rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { execa } from 'execa';
import { withProgress } from '../../console.ts';
import { ensureDebianPackages } from '../../debian-packages.ts';
import { cacheFolder } from '../../folders.ts';
import { DEFAULT_KUBERNETES_VERSION, ensureTools } from '../../tools.ts';
import { CARRIED_TOOLS, carriedImages, imagesOfKubeadm } from './carried-images.ts';
import { fillImageStore } from './image-store.ts';
import { kindModule, storageAddOn } from './module.ts';
import { makeDebianRoot, makeNodeRoot, NODE_PACKAGES, NODE_RELEASE, NODE_TOOLS, sandboxImage } from './node-root.ts';
import { docker, type KindProgram, mustDocker } from './program.ts';

/** The image of Kubernetes 1.36 that kind 0.33.0 was released with; its default is a newer Kubernetes. */
const PUBLISHED = 'kindest/node:v1.36.4@sha256:099e049362a1526b2db71494e1947aae99bd16290d7c895f2b7ea312e3cbfaed';

/** Raised when what is done in these files changes what comes out of them. */
const RECIPE = 1;

const folder = join(cacheFolder, 'kind-node');

/** Everything that the node is made of. */
async function ingredients() {
  const names = [...CARRIED_TOOLS, ...(Object.keys(NODE_TOOLS) as (keyof typeof NODE_TOOLS)[])];
  const tools = await ensureTools(names);
  const module = await kindModule();
  const version = `v${DEFAULT_KUBERNETES_VERSION}`;
  const parts = [RECIPE, NODE_RELEASE, NODE_PACKAGES, version, basename(module), Object.values(tools)];
  const hash = createHash('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, 16);
  return { tools, module, version, hash };
}

async function makeArchive(output: string, { tools, module, version }: Awaited<ReturnType<typeof ingredients>>) {
  await ensureDebianPackages(['busybox-static', 'containernetworking-plugins', 'mmdebstrap', 'tar']);
  const work = await mkdtemp(join(folder, 'work-'));
  try {
    const [debian, root] = [join(work, 'debian.tar'), join(work, 'root')];
    await withProgress(`Making a Debian ${NODE_RELEASE} for the node`, makeDebianRoot(debian));
    const storage = await storageAddOn(module);
    await makeNodeRoot(root, { debian, module, programs: tools, version, storageManifest: storage.manifest });
    const names = [...(await imagesOfKubeadm(tools.kubeadm, version)), await sandboxImage(module)];
    const images = carriedImages(names, storage, tools, debian);
    const filling = fillImageStore(join(root, 'var/lib/containerd'), images, tools);
    await withProgress(`Putting ${images.length} images of Kubernetes into the node`, filling);
    const archive = join(work, 'node.tar');
    await withProgress('Packing the node', execa('tar', ['--numeric-owner', '-C', root, '-cf', archive, '.']));
    await rename(archive, output);
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

/** Makes a node image from the pinned programs and imports it; made once per content, older ones are removed. */
async function ensureHomeMade(program: KindProgram): Promise<string> {
  const all = await ingredients();
  const image = `localhost/loco/kind-node:${all.hash}`;
  if ((await docker(program, ['image', 'inspect', image])).exitCode === 0) return image;
  await mkdir(folder, { recursive: true });
  const archive = join(folder, `${all.hash}.tar`);
  if (!existsSync(archive)) {
    for (const name of await readdir(folder)) await rm(join(folder, name), { recursive: true });
    await makeArchive(archive, all);
  }
  const entrypoint = 'ENTRYPOINT ["/usr/local/bin/entrypoint", "/sbin/init"]';
  const changes = ['--change', 'ENV container=docker', '--change', entrypoint];
  await withProgress('Importing the node image', mustDocker(program, ['import', ...changes, archive, image]));
  return image;
}

/** An image for nodes, and whether it is one of ours, which has no network add-on of its own. */
export interface NodeImage {
  readonly name: string;
  readonly homeMade: boolean;
}

/** The published node image where the engine has it or can pull it, else one made from the pinned programs. */
export async function ensureNodeImage(program: KindProgram): Promise<NodeImage> {
  const there = await docker(program, ['image', 'inspect', PUBLISHED]);
  const pulled =
    there.exitCode === 0 ||
    (await withProgress(`Pulling ${PUBLISHED}`, docker(program, ['pull', '--quiet', PUBLISHED]))).exitCode === 0;
  if (pulled) return { name: PUBLISHED, homeMade: false };
  return { name: await ensureHomeMade(program), homeMade: true };
}
