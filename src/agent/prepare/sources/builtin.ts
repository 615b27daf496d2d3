import { stat } from 'node:fs/promises';
import path from 'node:path';
import { readWholeHeader } from '../../disk/inspect.ts';
import { sparseCopyFile } from '../../disk/sparse-copy.ts';
import type { Volume } from '../../disk/volume.ts';
import type { VolumeFiles } from '../../disk/volume-files.ts';
import { messageOf } from '../../failure.ts';
import { checkPeak } from '../preflight.ts';
import type { DiskSource, StageOptions, StageResult } from './source.ts';
import { targetFailure } from './target-failure.ts';

/** The disk inside the image: a sparse copy, since reflinks don't work from an image's layers to a volume. */
export function builtinSource(files: VolumeFiles, volume: Volume): DiskSource {
  const staged = path.join(volume.staging, 'builtin.partial');
  return {
    name: 'Builtin',
    stage: async (options) => {
      const from = options.plan.builtinPath;
      const facts = await builtinFacts(from);
      if ('kind' in facts) return facts;
      await files.remove(staged);
      const room = await checkPeak({ files, volume }, options.plan, 'The copy of the built-in disk', [
        { name: 'the disk', bytes: facts.allocatedBytes },
      ]);
      if (!room.ok) return { kind: 'Failed', failure: room.failure };
      return copy(from, staged, facts.sizeBytes, options);
    },
    settle: () => files.remove(staged),
  };
}

async function builtinFacts(
  from: string,
): Promise<StageResult | { readonly sizeBytes: number; readonly allocatedBytes: number }> {
  try {
    const { size, blocks } = await stat(from);
    const header = await readWholeHeader(from);
    if (!header.ok) return broken(from, header.failure.reason, header.failure.message);
    return { sizeBytes: size, allocatedBytes: Math.min(size, blocks * 512) };
  } catch (error) {
    if (error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ENOTDIR')) {
      const message = `The image has no built-in disk at ${from}.`;
      return { kind: 'Absent', failure: { reason: 'BuiltinDiskMissing', message } };
    }
    return broken(from, 'DiskUnreadable', messageOf(error));
  }
}

function broken(from: string, reason: string, message: string): StageResult {
  return {
    kind: 'Broken',
    failure: { reason, message: `The built-in disk ${from} can't be used. ${message} Then build the image again.` },
  };
}

async function copy(from: string, staged: string, totalBytes: number, options: StageOptions): Promise<StageResult> {
  const { signal, onProgress } = options;
  try {
    const written = await sparseCopyFile(from, staged, {
      signal,
      onProgress: (doneBytes) => onProgress({ step: 'Copying', doneBytes, totalBytes }),
    });
    if (written.sizeBytes !== totalBytes) {
      const message = `${totalBytes} bytes were expected and ${written.sizeBytes} read.`;
      return { kind: 'Failed', failure: { reason: 'BuiltinDiskChanged', message } };
    }
    const source_ = { description: `built-in disk ${from}` };
    return { kind: 'Staged', disk: { path: staged, ...written, origin: 'Builtin', source: source_ } };
  } catch (error) {
    if (signal.aborted) throw error;
    const failure = targetFailure(error) ?? {
      reason: 'BuiltinDiskUnreadable',
      message: `The built-in disk ${from} can't be read: ${messageOf(error)}.`,
    };
    return { kind: 'Failed', failure };
  }
}
