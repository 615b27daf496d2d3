import { randomUUID } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { step, withProgress } from '../../console.ts';
import { findImage, saveImage } from '../engine.ts';
import { hasImage, importImage } from './node-images.ts';
import type { RunningNode } from './supervise.ts';

/** Copies an image from an engine's storage into the node, unless its content is there already. */
export async function loadImage(node: RunningNode, image: string): Promise<void> {
  const stored = await findImage(image);
  if (await hasImage(node, image, stored.content)) {
    step(`${image} is in the node already`);
    return;
  }
  const archive = join(node.layout.root, 'tmp', `${randomUUID()}.tar`);
  const copy = async () => {
    await saveImage(stored, image, archive);
    await importImage(node, image, stored.content, archive);
  };
  try {
    await withProgress(`Loading ${image} into the node`, copy());
  } finally {
    await rm(archive, { force: true });
  }
}
