import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { UserError } from '../console.ts';

/** A program that builds and keeps container images. */
export type Engine = 'docker' | 'podman' | 'buildah';

const ENGINES: readonly Engine[] = ['docker', 'podman', 'buildah'];

/** An image in an engine's storage. */
export interface StoredImage {
  readonly engine: Engine;
  /** Identity of its content: the digest of its configuration. */
  readonly content: string;
}

const IDENTITY: Readonly<Record<Engine, readonly string[]>> = {
  docker: ['image', 'inspect', '--format', '{{.Id}}'],
  podman: ['image', 'inspect', '--format', '{{.Id}}'],
  buildah: ['inspect', '--type', 'image', '--format', '{{.FromImageID}}'],
};

/**
 * Finds an image in the storage of whichever engine has it.
 * @throws UserError naming what to build when none has it.
 */
export async function findImage(image: string): Promise<StoredImage> {
  for (const engine of ENGINES) {
    const result = await execa(engine, [...IDENTITY[engine], image], { reject: false });
    const content = result.exitCode === 0 ? result.stdout.trim().replace(/^sha256:/, '') : '';
    if (/^[0-9a-f]{64}$/.test(content)) return { engine, content };
  }
  throw new UserError(
    `No container engine (${ENGINES.join(', ')}) here has an image "${image}". Build the project's with "npm run images", which prints their names.`,
  );
}

/** Writes the image as a docker-archive. */
export async function saveImage(stored: StoredImage, image: string, output: string): Promise<void> {
  const args =
    stored.engine === 'buildah'
      ? ['push', '--quiet', image, `docker-archive:${output}:${image}`]
      : ['save', '--output', output, image];
  const result = await execa(stored.engine, args, { reject: false });
  if (result.exitCode !== 0) throw new UserError(`${stored.engine} can't save ${image}: ${result.stderr}`);
}

/** An image in docker's storage by its name, or in a docker-archive by its path. */
export type ImageSource = { readonly image: string } | { readonly archive: string };

/** What `kind load` calls such an image, and which one it is. */
export function loadWords(source: ImageSource): readonly [kind: string, which: string] {
  return 'image' in source ? ['docker-image', source.image] : ['image-archive', source.archive];
}

/** Hands the image on as kind and minikube can take it: they know docker's storage, and no other engine's. */
export async function withImageSource(image: string, use: (source: ImageSource) => Promise<void>): Promise<void> {
  const stored = await findImage(image);
  if (stored.engine === 'docker') return use({ image });
  const folder = await mkdtemp(join(tmpdir(), 'loco-load-'));
  try {
    const archive = join(folder, 'image.tar');
    await saveImage(stored, image, archive);
    await use({ archive });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
