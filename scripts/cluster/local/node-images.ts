import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { UserError } from '../../console.ts';
import { waitFor } from '../wait.ts';
import { type SmallImage, writeImageArchive } from './image-archive.ts';
import { NODE_IMAGES, NODE_PATHS } from './layout.ts';
import { inNode } from './node.ts';
import type { RunningNode } from './supervise.ts';

/** The label that tells which content a name in containerd's store was imported from. */
const LABEL = 'loco.mroie.github.io/content';

/** Runs containerd's client inside the node, in the store that the kubelet uses. */
export async function ctr(node: RunningNode, ...args: string[]): Promise<string> {
  const command = [node.tools.ctr, '--address', NODE_PATHS.containerdSocket, '--namespace', 'k8s.io', ...args];
  const [program, rest] = inNode(node.first, command);
  const result = await execa(program, rest, { reject: false });
  if (result.exitCode !== 0) throw new UserError(`ctr ${args.join(' ')} failed in the node: ${result.stderr}`);
  return result.stdout;
}

/** Waits until containerd answers inside the node. */
export async function waitContainerd(node: RunningNode): Promise<void> {
  const [program, args] = inNode(node.first, [node.tools.ctr, '--address', NODE_PATHS.containerdSocket, 'version']);
  const answers = async () => ((await execa(program, args, { reject: false })).exitCode === 0 ? true : undefined);
  await waitFor('containerd', answers, { seconds: 60, why: () => `See ${join(node.layout.log, 'containerd.log')}` });
}

/** Whether this image with this content is in the node. */
export async function hasImage(node: RunningNode, image: string, content: string): Promise<boolean> {
  const found = await ctr(node, 'images', 'list', '--quiet', `name==${image},labels."${LABEL}"==${content}`);
  return found.split('\n').includes(image);
}

/** Imports a docker-archive; the label is set last, so that an import cut short is done again. */
export async function importImage(node: RunningNode, image: string, content: string, archive: string): Promise<void> {
  await ctr(node, 'images', 'import', archive);
  await ctr(node, 'images', 'label', image, `${LABEL}=${content}`);
}

function nodeImages(node: RunningNode): readonly SmallImage[] {
  const applets = ['sh', 'mkdir', 'rm', 'chmod', 'ls', 'cat', 'echo', 'sleep', 'wget', 'nslookup', 'id', 'sync'];
  return [
    { name: NODE_IMAGES.pause, files: { pause: node.tools.pause }, entrypoint: ['/pause'] },
    {
      name: NODE_IMAGES.busybox,
      files: {
        'bin/busybox': '/bin/busybox',
        ...Object.fromEntries(applets.map((name) => [`bin/${name}`, '->busybox'])),
      },
      entrypoint: [],
    },
  ];
}

/** Puts the images that the node itself needs into it. */
export async function ensureNodeImages(node: RunningNode): Promise<void> {
  for (const image of nodeImages(node)) {
    // The version stands in the name.
    if (await hasImage(node, image.name, 'built-in')) continue;
    const archive = join(node.layout.root, 'tmp', 'node-image.tar');
    await writeImageArchive(image, archive);
    await importImage(node, image.name, 'built-in', archive);
    await rm(archive);
  }
}
