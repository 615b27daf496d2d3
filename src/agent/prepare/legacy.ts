import type { DiskPlan } from '../../contract/disk-plan.ts';
import type { DiskRecord } from '../../contract/disk-record.ts';
import type { PrepareContext } from './context.ts';
import { quarantinedDisk } from './quarantine.ts';

/** What a machine's next disk takes over from the one before: the hardware that the guest knows, and why it is gone. */
export type Legacy = Pick<DiskRecord, 'hardware' | 'predecessor'>;

/**
 * What the next disk takes over from the one that `record` described.
 * @param record of a disk that isn't there any more; an Ephemeral machine's new disk starts from nothing
 */
export async function legacyOf(
  { files, volume }: Pick<PrepareContext, 'files' | 'volume'>,
  { mode }: Pick<DiskPlan, 'mode'>,
  record: DiskRecord | undefined,
): Promise<Legacy> {
  if (record === undefined || mode === 'Ephemeral') return {};
  const predecessor = await quarantinedDisk(files, volume, record.id);
  return {
    ...(record.hardware === undefined ? {} : { hardware: record.hardware }),
    ...(predecessor === undefined ? {} : { predecessor }),
  };
}
