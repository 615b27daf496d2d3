import { isFull } from '../../disk/record.ts';
import { TargetWriteError } from '../../disk/sparse-writer.ts';
import { type Failure, messageOf } from '../../failure.ts';

/** Why writing to the volume went wrong; undefined when the error is about something else. */
export function targetFailure(error: unknown): Failure | undefined {
  if (!(error instanceof TargetWriteError)) return undefined;
  if (isFull(error)) {
    return {
      reason: 'NoSpace',
      message: 'The volume became full while the disk was written to it. Make it larger (storage.size).',
    };
  }
  return {
    reason: 'VolumeNotWritable',
    message: `The disk's volume can't be written to: ${messageOf(error)}. Look at the volume and its node.`,
  };
}
