import path from 'node:path';

/** Names on the disk's volume. All of `.loco` is ours; the disk itself is the user's. */
export interface Volume {
  readonly root: string;
  readonly disk: string;
  readonly folder: string;
  readonly record: string;
  /** The record of a disk that is being published; see publish.ts and recover.ts. */
  readonly nextRecord: string;
  /** Where a new text of the record is written before it takes the record's name. */
  readonly stagedRecord: string;
  /** Held by whoever prepares or runs the disk; never renamed, never removed. */
  readonly lock: string;
  /** Held by an import while it reads its standard input. */
  readonly importLock: string;
  readonly staging: string;
  readonly quarantine: string;
  /** The whole report of the machine, for people; see kept-report.ts. */
  readonly report: string;
  readonly stagedReport: string;
  /** Ballast; see reserve.ts. */
  readonly reserve: string;
  /** Ballast of the record alone, which must be written when the guest has used up everything else. */
  readonly recordReserve: string;
}

/** The names on the volume whose disk is at `disk`. */
export function volumeOf(disk: string): Volume {
  const root = path.dirname(disk);
  const folder = path.join(root, '.loco');
  const below = (name: string) => path.join(folder, name);
  return {
    root,
    disk,
    folder,
    record: below('disk.json'),
    nextRecord: below('disk.json.next'),
    stagedRecord: below('disk.json.staged'),
    lock: below('lock'),
    importLock: below('import.lock'),
    staging: below('staging'),
    quarantine: below('quarantine'),
    report: below('report.json'),
    stagedReport: below('report.json.staged'),
    reserve: below('reserve'),
    recordReserve: below('reserve-record'),
  };
}
