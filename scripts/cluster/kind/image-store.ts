import { spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { UserError } from '../../console.ts';
import { type SmallImage, writeImageArchive } from '../local/image-archive.ts';
import { waitFor } from '../wait.ts';

/** A containerd that does nothing but keep images in `store`. */
function configuration(store: string, folder: string): string {
  return `version = 3
root = "${store}"
state = "${join(folder, 'state')}"
disabled_plugins = ["io.containerd.cri.v1.runtime", "io.containerd.cri.v1.images", "io.containerd.grpc.v1.cri"]
[grpc]
  address = "${join(folder, 'socket')}"
[plugins."io.containerd.internal.v1.opt"]
  path = "${join(folder, 'opt')}"
`;
}

/** Puts images into the store of a containerd that is to run later, with one that runs for that long. */
export async function fillImageStore(
  store: string,
  images: readonly SmallImage[],
  programs: { readonly containerd: string; readonly ctr: string },
): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'loco-images-'));
  await mkdir(store, { recursive: true });
  await writeFile(join(folder, 'config.toml'), configuration(store, folder));
  const log = join(folder, 'containerd.log');
  const output = openSync(log, 'a');
  const child = spawn(programs.containerd, ['--config', join(folder, 'config.toml')], {
    stdio: ['ignore', 'ignore', output],
  });
  closeSync(output);
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()));
  const ctr = (...args: string[]) =>
    execa(programs.ctr, ['--address', join(folder, 'socket'), '--namespace', 'k8s.io', ...args], { reject: false });
  try {
    const answers = async () => ((await ctr('version')).exitCode === 0 ? true : undefined);
    const why = () => readFile(log, 'utf8').then((text) => text.slice(-1500));
    await waitFor('a containerd to put images into', answers, { seconds: 60, why });
    for (const image of images) {
      const archive = join(folder, 'image.tar');
      await writeImageArchive(image, archive);
      const args = ['--local', '--no-unpack', '--label=io.cri-containerd.image=managed', archive];
      const imported = await ctr('images', 'import', ...args);
      if (imported.exitCode !== 0) throw new UserError(`${image.name} can't be put into a node: ${imported.stderr}`);
    }
  } finally {
    child.kill('SIGTERM');
    await ended;
    await rm(folder, { recursive: true, force: true });
  }
}
