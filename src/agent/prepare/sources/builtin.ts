import { access, constants, readlink, realpath, stat } from 'node:fs/promises';
import path from 'node:path';
import { readWholeHeader } from '../../disk/inspect.ts';
import { sparseCopyFile } from '../../disk/sparse-copy.ts';
import type { Volume } from '../../disk/volume.ts';
import type { VolumeFiles } from '../../disk/volume-files.ts';
import { type Failure, messageOf } from '../../failure.ts';
import { DAMAGE } from '../damage.ts';
import { checkGrowth, checkPeak } from '../preflight.ts';
import type { DiskSource, StageOptions, StageResult } from './source.ts';
import { targetFailure } from './target-failure.ts';

/** The disk inside the image: a sparse copy, since reflinks don't work from an image's layers to a volume. */
export function builtinSource(files: VolumeFiles, volume: Volume): DiskSource {
  const staged = path.join(volume.staging, 'builtin.partial');
  let current: string | undefined;
  /** What only qemu-img found to be broken, so that it isn't copied at each attempt to find it again. */
  let refused: { readonly stamp: string; readonly failure: Failure } | undefined;
  return {
    name: 'Builtin',
    stage: async (options) => {
      const named = options.plan.builtinPath;
      const facts = await builtinFacts(named);
      if ('kind' in facts) return facts;
      current = facts.stamp;
      if (refused?.stamp === current) return broken(named, refused.failure);
      const growth = checkGrowth(options.plan, facts.virtualBytes);
      if (!growth.ok) return { kind: 'Failed', failure: growth.failure };
      await files.remove(staged);
      const room = await checkPeak({ files, volume }, options.plan, 'The copy of the built-in disk', [
        { name: 'the disk', bytes: facts.allocatedBytes },
      ]);
      if (!room.ok) return { kind: 'Failed', failure: room.failure };
      const copied = await copy(facts, named, staged, options);
      // Half a copy must not keep the volume full until the next attempt.
      if (copied.kind !== 'Staged') await files.remove(staged);
      return copied;
    },
    settle: async (_, failure) => {
      if (failure !== undefined && current !== undefined && DAMAGE.has(failure.reason)) {
        refused = { stamp: current, failure };
      }
      await files.remove(staged);
    },
  };
}

interface BuiltinFacts {
  /** Of the file itself, where the plan names a link: it may lead elsewhere a moment later. */
  readonly path: string;
  readonly sizeBytes: number;
  readonly allocatedBytes: number;
  readonly virtualBytes: number;
  /** Another one when the image holds another file. */
  readonly stamp: string;
}

async function builtinFacts(named: string): Promise<StageResult | BuiltinFacts> {
  try {
    const file = await realpath(named);
    const { dev, ino, size, blocks, mtimeMs } = await stat(file);
    // Throws the error that the header's reader would put into words.
    await access(file, constants.R_OK);
    const header = await readWholeHeader(file);
    if (!header.ok && header.failure.reason === 'DiskUnreadable') return { kind: 'Failed', failure: header.failure };
    if (!header.ok) return broken(named, header.failure);
    return {
      path: file,
      sizeBytes: size,
      allocatedBytes: Math.min(size, blocks * 512),
      virtualBytes: header.value.virtualBytes,
      stamp: [file, dev, ino, size, mtimeMs].join(' '),
    };
  } catch (error) {
    if (error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ENOTDIR')) {
      return missing(named);
    }
    if (error instanceof Error && 'code' in error && MISTAKES.has(error.code)) {
      return broken(named, { reason: 'DiskUnreadable', message: `${messageOf(error)}.` });
    }
    return unreadable(named, messageOf(error));
  }
}

/** What an image was built with, and goes on having; any other error may be the node's, and gone the next time. */
const MISTAKES: ReadonlySet<unknown> = new Set(['EACCES', 'ELOOP', 'EISDIR']);

function unreadable(named: string, why: string): StageResult {
  const failure: Failure = {
    reason: 'BuiltinDiskUnreadable',
    message: `The built-in disk ${named} can't be read: ${why}.`,
  };
  return { kind: 'Failed', failure };
}

/** A link that leads nowhere is a mistake in the image, and no image without a disk. */
async function missing(named: string): Promise<StageResult> {
  const target = await readlink(named).catch(() => undefined);
  if (target !== undefined) {
    return broken(named, { reason: 'DiskUnreadable', message: `It is a link to ${target}, which isn't there.` });
  }
  const message = `The image has no built-in disk at ${named}.`;
  return { kind: 'Absent', failure: { reason: 'BuiltinDiskMissing', message } };
}

function broken(named: string, { reason, message }: Failure): StageResult {
  return {
    kind: 'Broken',
    failure: { reason, message: `The built-in disk ${named} can't be used. ${message} Then build the image again.` },
  };
}

async function copy(
  { path: from, sizeBytes: totalBytes }: BuiltinFacts,
  named: string,
  staged: string,
  { signal, onProgress }: StageOptions,
): Promise<StageResult> {
  try {
    const written = await sparseCopyFile(from, staged, {
      signal,
      onProgress: (doneBytes) => onProgress({ step: 'Copying', doneBytes, totalBytes }),
    });
    if (written.sizeBytes !== totalBytes) {
      const message = `${totalBytes} bytes were expected and ${written.sizeBytes} read.`;
      return { kind: 'Failed', failure: { reason: 'BuiltinDiskChanged', message } };
    }
    const source_ = { description: `built-in disk ${named}` };
    return { kind: 'Staged', disk: { path: staged, ...written, origin: 'Builtin', source: source_ } };
  } catch (error) {
    if (signal.aborted) throw error;
    const failure = targetFailure(error);
    return failure === undefined ? unreadable(named, messageOf(error)) : { kind: 'Failed', failure };
  }
}
