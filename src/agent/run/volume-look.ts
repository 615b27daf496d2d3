import { constants } from 'node:fs';
import { access, open, rm } from 'node:fs/promises';
import path from 'node:path';
import { type Space, spaceOf } from '../disk/space.ts';
import { volumeOf } from '../disk/volume.ts';
import { volumeFiles } from '../disk/volume-files.ts';
import { type Clock, systemClock, untilDone } from '../environment.ts';
import { failed, messageOf, type Result, success } from '../failure.ts';

/** The disk's volume as it is at one moment, seen from outside QEMU. */
export interface VolumeLook {
  /** Undefined when the volume doesn't say. */
  readonly space: Space | undefined;
  /** `Gone`: no file has the disk's name, or another one has; QEMU goes on with the one that it opened. */
  readonly disk: 'There' | 'Gone' | 'Unknown';
  readonly readOnly: boolean;
}

const UNKNOWN: VolumeLook = { space: undefined, disk: 'Unknown', readOnly: false };

/** A volume that hangs (a network file system whose server is away) must not hold up whoever looks. */
const LOOK_MILLISECONDS = 3000;

/**
 * Looks at the volume. Never fails and never hangs.
 * @param inode the disk's, as its record has it
 */
export async function lookAtVolume(disk: string, inode: number, clock: Clock = systemClock): Promise<VolumeLook> {
  return (await untilDone(look(disk, inode), LOOK_MILLISECONDS, clock)) ?? UNKNOWN;
}

async function look(disk: string, inode: number): Promise<VolumeLook> {
  try {
    const [space, facts, readOnly] = await Promise.all([
      spaceOf(path.dirname(disk)),
      volumeFiles.facts(disk),
      isReadOnly(path.dirname(disk)),
    ]);
    return { space, disk: facts?.inode === inode ? 'There' : 'Gone', readOnly };
  } catch {
    // The volume is away or broken. What QEMU meets on it is what counts; this look only helps to say why.
    return UNKNOWN;
  }
}

async function isReadOnly(folder: string): Promise<boolean> {
  try {
    await access(folder, constants.W_OK);
    return false;
  } catch (error) {
    return codeOf(error) === 'EROFS';
  }
}

/**
 * Writes a small file through to the volume, and removes it. Fails with `VolumeNotWritable` and the volume's own words,
 * also when it takes longer than 3 s.
 */
export async function proveWritable(disk: string, clock: Clock = systemClock): Promise<Result<void>> {
  const late = failed('VolumeNotWritable', `The volume took longer than ${LOOK_MILLISECONDS / 1000} s for 512 bytes.`);
  return (await untilDone(writeProbe(path.join(volumeOf(disk).folder, 'probe')), LOOK_MILLISECONDS, clock)) ?? late;
}

async function writeProbe(name: string): Promise<Result<void>> {
  try {
    const file = await open(name, 'w');
    try {
      await file.write(Buffer.alloc(512));
      await file.sync();
    } finally {
      await file.close();
    }
    await rm(name, { force: true });
    return success(undefined);
  } catch (error) {
    return failed('VolumeNotWritable', messageOf(error));
  }
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined;
}
