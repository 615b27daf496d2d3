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
