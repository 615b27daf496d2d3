import { createHash } from 'node:crypto';
import { copyFile, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { execa } from 'execa';

/** An image of one layer that needs no tool but tar to be made. */
export interface SmallImage {
  readonly name: string;
  /** Files by their path in the image; a value that begins with "->" is a symbolic link. */
  readonly files: Readonly<Record<string, string>>;
  readonly entrypoint: readonly string[];
  /** A tar archive of files that are there before the others. */
  readonly root?: string;
}

const PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** The configuration of an image with one layer, as the docker-archive format wants it. */
export function imageConfiguration(image: SmallImage, layerDigest: string, architecture: string): string {
  return JSON.stringify({
    architecture,
    os: 'linux',
    config: { Entrypoint: image.entrypoint, Env: [`PATH=${PATH}`] },
    rootfs: { type: 'layers', diff_ids: [`sha256:${layerDigest}`] },
  });
}

/** Writes the image as a docker-archive to `output`. */
export async function writeImageArchive(image: SmallImage, output: string): Promise<void> {
  const folder = await mkdtemp(`${output}.`);
  try {
    const root = join(folder, 'root');
    await mkdir(root);
    if (image.root !== undefined) await execa('tar', ['-xf', image.root, '-C', root, '--exclude=./dev/*']);
    for (const [path, source] of Object.entries(image.files)) {
      const target = join(root, path);
      await mkdir(dirname(target), { recursive: true });
      if (source.startsWith('->')) await symlink(source.slice(2), target);
      else await copyFile(source, target);
    }
    const layer = join(folder, 'layer.tar');
    const stable = ['--sort=name', '--mtime=@0', '--owner=0', '--group=0', '--numeric-owner', '--mode=a+rX'];
    await execa('tar', [...stable, '-C', root, '-cf', layer, '.']);
    const digest = createHash('sha256')
      .update(await readFile(layer))
      .digest('hex');
    const architecture = process.arch === 'x64' ? 'amd64' : process.arch;
    await writeFile(join(folder, 'config.json'), imageConfiguration(image, digest, architecture));
    const manifest = [{ Config: 'config.json', RepoTags: [image.name], Layers: ['layer.tar'] }];
    await writeFile(join(folder, 'manifest.json'), JSON.stringify(manifest));
    await execa('tar', ['-C', folder, '-cf', output, 'manifest.json', 'config.json', 'layer.tar']);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
