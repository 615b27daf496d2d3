import { copyFile, mkdir, mkdtemp, rm } from 'node:fs/promises';
import path from 'node:path';
import { execa } from 'execa';
import { UserError, withProgress } from '../console.ts';
import { ensureDebianPackages } from '../debian-packages.ts';
import { cacheFolder } from '../folders.ts';
import { debianArchive } from './debian-archive.ts';
import type { Engine } from './engine.ts';

/** An image that ours are built on. */
interface BaseImage {
  /** What everybody with a registry in reach uses. */
  readonly published: string;
  /** What is made from packages where it can't be pulled; a name of its own, so that it is never taken for the other. */
  readonly standIn: string;
  /** Writes the stand-in's files as a tar archive into a folder. */
  archive(folder: string): Promise<string>;
}

const debian: BaseImage = {
  published: 'docker.io/library/debian:trixie-slim',
  standIn: 'localhost/loco/debian-stand-in:trixie-slim',
  archive: debianRoot,
};

const node: BaseImage = {
  published: 'docker.io/library/node:26-trixie-slim',
  standIn: `localhost/loco/node-stand-in:${process.versions.node}`,
  archive: nodeRoot,
};

/** Left out as in the published image: nobody reads manuals in a pod. */
const UNWANTED = ['/usr/share/man/*', '/usr/share/doc/*', '/usr/share/locale/*', '/usr/share/info/*'];

/** A minimal Debian from the archive that this machine's apt uses. */
async function debianRoot(folder: string): Promise<string> {
  await ensureDebianPackages(['mmdebstrap']);
  const { uri } = await debianArchive();
  const file = path.join(folder, 'debian.tar');
  const options = UNWANTED.map((pattern) => `--dpkgopt=path-exclude=${pattern}`);
  const made = await execa(
    'mmdebstrap',
    ['--quiet', '--variant=minbase', '--include=ca-certificates', ...options, 'trixie', file, uri],
    { reject: false, all: true },
  );
  if (made.exitCode !== 0) {
    throw new UserError(`mmdebstrap could not make a Debian trixie from ${uri}:\n${made.all.slice(-2000)}`);
  }
  return file;
}

/** The node binary that runs this script, where the published image has it. */
async function nodeRoot(folder: string): Promise<string> {
  await ensureDebianPackages(['binutils']);
  const bin = path.join(folder, 'root/usr/local/bin');
  await mkdir(bin, { recursive: true });
  await copyFile(process.execPath, path.join(bin, 'node'));
  await execa('strip', [path.join(bin, 'node')]);
  const file = path.join(folder, 'node.tar');
  await execa('tar', ['--owner=0', '--group=0', '-C', path.join(folder, 'root'), '-cf', file, 'usr']);
  return file;
}

async function makeStandIn(engine: Engine, base: BaseImage): Promise<void> {
  const parent = path.join(cacheFolder, 'images');
  await mkdir(parent, { recursive: true });
  const folder = await mkdtemp(path.join(parent, 'stand-in-'));
  try {
    await engine.importRoot(await base.archive(folder), base.standIn);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** The name of an image that is there: the published one, else its stand-in. What is there already is not asked for again. */
async function ensureBase(engine: Engine, base: BaseImage): Promise<string> {
  for (const name of [base.published, base.standIn]) {
    if ((await engine.imageId(name)) !== undefined) {
      return name;
    }
  }
  if (await engine.pull(base.published)) {
    return base.published;
  }
  await withProgress(`${base.published} can't be pulled: making a stand-in from packages`, makeStandIn(engine, base));
  return base.standIn;
}

/** The build arguments of both Dockerfiles. */
export async function ensureBaseImages(engine: Engine): Promise<{ BASE_IMAGE: string; NODE_IMAGE: string }> {
  return { BASE_IMAGE: await ensureBase(engine, debian), NODE_IMAGE: await ensureBase(engine, node) };
}
