import { constants } from 'node:fs';
import { access, open, rm } from 'node:fs/promises';
import path from 'node:path';
import { type Space, spaceOf } from '../disk/space.ts';
import { volumeOf } from '../disk/volume.ts';
import { volumeFiles } from '../disk/volume-files.ts';
import { type Clock, untilDone } from '../environment.ts';

/** The disk's volume as it is at one moment, seen from outside QEMU. */
export interface VolumeLook {
  /** Undefined when the volume doesn't say. */
  readonly space: Space | undefined;
  /** `Gone`: no file has the disk's name, or another one has; QEMU goes on with the one that it opened. */
  readonly disk: 'There' | 'Gone' | 'Unknown';
  readonly readOnly: boolean;
  /** Whether a small file could be written through to it; undefined when that wasn't tried. */
  readonly takesData: boolean | undefined;
}

/** What an untroubled look at the volume must know. */
export interface VolumeLookOptions {
  /** The disk's file. */
  readonly disk: string;
  /** The disk's, as its record has it. */
  readonly inode: number;
  readonly clock: Clock;
}

/** A volume that hangs (a network file system whose server is away) must not hold up whoever looks. */
const LOOK_MILLISECONDS = 3000;

/**
 * Looks at the volume. Never fails and never hangs.
 * @param write also writes a small file through to it: some file systems that have become read-only say so only then
 */
export async function lookAtVolume(options: VolumeLookOptions, write: boolean): Promise<VolumeLook> {
  const { clock } = options;
  const [look, written] = await Promise.all([
    untilDone(lookOnly(options), LOOK_MILLISECONDS, clock),
    write ? untilDone(writeProbe(options.disk), LOOK_MILLISECONDS, clock) : 'NotTried',
  ]);
  return {
    space: look?.space,
    disk: look?.disk ?? 'Unknown',
    readOnly: look?.readOnly === true || written === 'ReadOnly',
    takesData: written === 'NotTried' ? undefined : written === 'Written',
  };
}

async function lookOnly({ disk, inode }: VolumeLookOptions): Promise<Omit<VolumeLook, 'takesData'>> {
  try {
    const folder = path.dirname(disk);
    const [space, facts, readOnly] = await Promise.all([
      spaceOf(folder),
      volumeFiles.facts(disk),
      isMountedReadOnly(folder),
    ]);
    return { space, disk: facts?.inode === inode ? 'There' : 'Gone', readOnly };
  } catch {
    // The volume is away or broken. What QEMU meets on it is what counts; this look only helps to say why.
    return { space: undefined, disk: 'Unknown', readOnly: false };
  }
}

async function isMountedReadOnly(folder: string): Promise<boolean> {
  try {
    await access(folder, constants.W_OK);
    return false;
  } catch (error) {
    return codeOf(error) === 'EROFS';
  }
}

async function writeProbe(disk: string): Promise<'Written' | 'ReadOnly' | 'Failed'> {
  const name = path.join(volumeOf(disk).folder, 'probe');
  try {
    const file = await open(name, 'w');
    try {
      await file.write(Buffer.alloc(512));
      await file.sync();
    } finally {
      await file.close();
    }
    await rm(name, { force: true });
    return 'Written';
  } catch (error) {
    return codeOf(error) === 'EROFS' ? 'ReadOnly' : 'Failed';
  }
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined;
}
