import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { projectFolder } from '../../../scripts/folders.ts';
import { contentTag, withContext } from '../../../scripts/images/content.ts';
import { openEngine } from '../../../scripts/images/engine.ts';

/** The image with a QEMU in front whose newest machine types are hidden, as of a build of some years ago. */
export async function buildOlderQemu(base: string): Promise<string> {
  const engine = await openEngine();
  const folder = path.join(projectFolder, 'images/older-qemu');
  const dockerfile = path.join(folder, 'Dockerfile');
  const files = [{ name: 'qemu-system-i386', from: path.join(folder, 'qemu-system-i386'), mode: 0o755 }];
  const image = `localhost/loco/older-qemu:${await contentTag([base, await readFile(dockerfile, 'utf8')], files)}`;
  if ((await engine.imageId(image)) === undefined) {
    await withContext(files, [], (context) => engine.build({ dockerfile, context, image, arguments: { BASE: base } }));
  }
  return image;
}
