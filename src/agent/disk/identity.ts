import type { DiskRecord } from '../../contract/disk-record.ts';
import type { FileFacts } from './volume-files.ts';

/** What a record keeps of the file that it describes, to know it again. */
export type FileIdentity = Pick<DiskRecord, 'inode' | 'birthTime' | 'modifiedTime'>;

export function identityOf({ inode, birthTime, modifiedTime }: FileFacts): FileIdentity {
  return { inode, ...(birthTime === undefined ? {} : { birthTime }), modifiedTime };
}

/**
 * Whether a file is the one that a record was written for. Its inode's number alone doesn't tell, since file systems
 * use the number of a removed file again; the birth time does, where both are known.
 */
export function isRecordedFile(record: FileIdentity, facts: FileFacts): boolean {
  if (record.inode !== facts.inode) return false;
  return record.birthTime === undefined || facts.birthTime === undefined || record.birthTime === facts.birthTime;
}

/**
 * Whether somebody wrote to the recorded file although no machine ran: `cp other.qcow2 win98.qcow2` keeps inode and
 * birth time. Of a machine that was killed this can't be known: nobody noted its last write.
 */
export function wasWrittenMeanwhile(record: DiskRecord, facts: FileFacts): boolean {
  if (record.state === 'Running' || record.modifiedTime === undefined) return false;
  return record.modifiedTime !== facts.modifiedTime;
}
