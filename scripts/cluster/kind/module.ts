import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { UserError } from '../../console.ts';
import { projectFolder } from '../../folders.ts';
import { goProgram } from '../../tools/go-program.ts';

/** The folder of kind's own Go module, at the version that tools/kind pins: the files of its node image lie there. */
export async function kindModule(): Promise<string> {
  const cwd = join(projectFolder, 'tools/kind');
  const go = await goProgram();
  await execa(go, ['mod', 'download', 'sigs.k8s.io/kind'], { cwd, env: { GOWORK: 'off' } });
  const args = ['list', '-m', '-f', '{{.Dir}}', 'sigs.k8s.io/kind'];
  return (await execa(go, args, { cwd, env: { GOWORK: 'off' } })).stdout.trim();
}

/** What a node brings along to give volumes: the manifest, and the images that stand in it. */
export interface StorageAddOn {
  readonly manifest: string;
  readonly provisionerImage: string;
  readonly helperImage: string;
}

/**
 * Reads the manifest of the published node image out of the Go source that holds it.
 * @throws UserError where it isn't written as it is in the pinned version
 */
export function parseStorageAddOn(source: string): StorageAddOn {
  const constant = (name: string) => new RegExp(`^const ${name} = "([^"]+)"$`, 'm').exec(source)?.[1];
  const provisionerImage = constant('storageProvisionerImage');
  const helperImage = constant('storageHelperImage');
  const manifest = /^const defaultStorageManifest = `\n([\s\S]*)`\n*$/m.exec(source)?.[1];
  if (provisionerImage === undefined || helperImage === undefined || manifest === undefined) {
    throw new UserError(
      "kind's storage manifest isn't where it was in kind 0.33: adapt scripts/cluster/kind/module.ts.",
    );
  }
  const images: Readonly<Record<string, string>> = {
    storageProvisionerImage: provisionerImage,
    storageHelperImage: helperImage,
  };
  const filled = manifest.replace(/` \+ (\w+) \+ `/g, (_, name: string) => images[name] ?? '');
  return { manifest: filled, provisionerImage, helperImage };
}

/** What a node brings along to give volumes, as the pinned kind has it. */
export async function storageAddOn(module: string): Promise<StorageAddOn> {
  return parseStorageAddOn(await readFile(join(module, 'pkg/build/nodeimage/const_storage.go'), 'utf8'));
}
