import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { projectFolder } from '../folders.ts';
import { ensureTools } from '../tools.ts';
import { ensureBaseImages } from './base-images.ts';
import { refuseBrokenDisk } from './builtin-disk.ts';
import { AGENT_NODE_FLAG, bundleProgram } from './bundle.ts';
import { type ContextFile, contentTag, withContext } from './content.ts';
import { type Engine, openEngine } from './engine.ts';
import { operatorProgram } from './operator-program.ts';

/** Names of the built images, in the storage of the engine that built them. */
export interface Images {
  readonly operator: string;
  /** A machine without a disk of its own. */
  readonly qemu: string;
  /** The same with a disk at /opt/builtin-images/win98.qcow2.builtin. */
  readonly qemuBuiltin: string;
}

/** One image to build: its Dockerfile's folder below images/ and what stands in the context. */
interface Recipe {
  readonly name: string;
  readonly folder: string;
  readonly files: readonly ContextFile[];
  readonly folders: readonly string[];
}

/** What every image of one run is built with. */
interface Workshop {
  readonly engine: Engine;
  readonly bases: Readonly<Record<string, string>>;
  /** Instead of a tag derived from the content. */
  readonly tag: string | undefined;
}

async function openWorkshop(tag: string | undefined): Promise<Workshop> {
  const engine = await openEngine();
  return { engine, bases: await ensureBaseImages(engine), tag };
}

/** Builds an image unless one of the same content is there. */
async function buildImage({ engine, bases, tag }: Workshop, recipe: Recipe): Promise<string> {
  const dockerfile = path.join(projectFolder, 'images', recipe.folder, 'Dockerfile');
  const baseIds = await Promise.all(Object.values(bases).map(async (base) => (await engine.imageId(base)) ?? base));
  const texts = [await readFile(dockerfile, 'utf8'), ...baseIds];
  const repository = `localhost/loco/${recipe.name}`;
  const image = `${repository}:${await contentTag(texts, recipe.files)}`;
  if ((await engine.imageId(image)) === undefined) {
    await withContext(recipe.files, recipe.folders, (context) =>
      engine.build({ dockerfile, context, image, arguments: bases }),
    );
  }
  if (tag === undefined) {
    return image;
  }
  await engine.tag(image, `${repository}:${tag}`);
  return `${repository}:${tag}`;
}

async function program(name: string, entry: string, nodeFlag: string): Promise<ContextFile> {
  return { name, from: await bundleProgram(entry, nodeFlag), mode: 0o755 };
}

async function buildPlain(workshop: Workshop) {
  const { oras } = await ensureTools(['oras']);
  const orasFile: ContextFile = { name: 'oras', from: oras, mode: 0o755 };
  const agentFiles = [orasFile, await program('loco-agent', 'src/agent/main.ts', AGENT_NODE_FLAG)];
  const parts = await operatorProgram();
  const operatorFiles = [
    orasFile,
    ...parts.map(({ name, text }) => ({ name: `loco-operator/${name}`, from: text, mode: 0o644 })),
  ];
  const qemu = { name: 'qemu-loco', folder: 'qemu-loco', files: agentFiles, folders: ['builtin'] };
  const operator = { name: 'operator', folder: 'operator', files: operatorFiles, folders: ['loco-operator'] };
  return {
    operator: await buildImage(workshop, operator),
    qemu: await buildImage(workshop, qemu),
    recipe: qemu satisfies Recipe,
  };
}

/** What can be chosen about a build. */
export interface ImageOptions {
  /** A tag for the images instead of one derived from their content. */
  readonly tag?: string | undefined;
}

/**
 * Builds the operator's image and the machines' image without a disk. What was built from the same content is not
 * built again.
 * @throws UserError when something that is needed is missing, or the build fails
 */
export async function buildPlainImages(options: ImageOptions = {}): Promise<Omit<Images, 'qemuBuiltin'>> {
  const { operator, qemu } = await buildPlain(await openWorkshop(options.tag));
  return { operator, qemu };
}

/**
 * Builds all three images.
 * @param options.builtin a qcow2 disk to build into one of them
 * @throws UserError, before anything is built, when the disk may not be a machine's; later as {@link buildPlainImages}
 */
export async function buildImages(options: ImageOptions & { readonly builtin: string }): Promise<Images> {
  await refuseBrokenDisk(options.builtin);
  const workshop = await openWorkshop(options.tag);
  const { operator, qemu, recipe } = await buildPlain(workshop);
  const disk: ContextFile = { name: 'builtin/win98.qcow2.builtin', from: options.builtin, mode: 0o444 };
  const builtin = { ...recipe, name: 'qemu-loco-builtin', files: [...recipe.files, disk] };
  return { operator, qemu, qemuBuiltin: await buildImage(workshop, builtin) };
}
