import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { chmod, copyFile, mkdir, mkdtemp, rm, utimes, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';
import { cacheFolder } from '../folders.ts';

/** A file of a build context: a file of this machine, or bytes. */
export interface ContextFile {
  /** Where it lies in the context. */
  readonly name: string;
  readonly from: string | Uint8Array;
  readonly mode: number;
}

const FIXED_TIME = new Date('2000-01-01T00:00:00Z');

/** A tag that is the same when everything that goes into the image is: texts (Dockerfile, ids of base images), files. */
export async function contentTag(texts: readonly string[], files: readonly ContextFile[]): Promise<string> {
  const total = createHash('sha256');
  for (const text of texts) {
    total.update(`text ${text.length}\n${text}`);
  }
  for (const { name, from, mode } of files) {
    const content = createHash('sha256');
    if (typeof from === 'string') {
      await pipeline(createReadStream(from), content);
    } else {
      content.update(from);
    }
    total.update(`file ${name} ${mode} ${content.digest('hex')}\n`);
  }
  return total.digest('hex').slice(0, 16);
}

/** Runs `work` with a folder that holds the files, with times that never change, so that layers are found again. */
export async function withContext<T>(
  files: readonly ContextFile[],
  folders: readonly string[],
  work: (context: string) => Promise<T>,
): Promise<T> {
  const parent = path.join(cacheFolder, 'images');
  await mkdir(parent, { recursive: true });
  const context = await mkdtemp(path.join(parent, 'context-'));
  try {
    for (const name of folders) {
      await mkdir(path.join(context, name), { recursive: true });
    }
    for (const file of files) {
      await place(file, path.join(context, file.name));
    }
    for (const name of folders) {
      await utimes(path.join(context, name), FIXED_TIME, FIXED_TIME);
    }
    return await work(context);
  } finally {
    await rm(context, { recursive: true, force: true });
  }
}

async function place({ from, mode }: ContextFile, target: string): Promise<void> {
  await (typeof from === 'string' ? copyFile(from, target) : writeFile(target, from));
  await chmod(target, mode);
  await utimes(target, FIXED_TIME, FIXED_TIME);
}
