import { randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import { access, type FileHandle, open, rm } from 'node:fs/promises';
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
  /** Whether a file of 1 MiB could be written through to it; undefined when that wasn't tried. */
  readonly takesData: boolean | undefined;
}

/** The questions to the volume itself. Each may hang as long as the volume does; none fails. */
export interface VolumeQuestions {
  readonly look: () => Promise<Omit<VolumeLook, 'takesData'>>;
  /** Writes a file through to the volume, and leaves it there. */
  readonly write: () => Promise<'Written' | 'ReadOnly' | 'Failed'>;
  /** Removes that file. */
  readonly giveBack: () => Promise<void>;
}

/** A volume that hangs (a network file system whose server is away) must not hold up whoever looks. */
const LOOK_MILLISECONDS = 3000;

/** More than QEMU writes at once. A volume may have room for a sector and none for a cluster (quota, thin pool). */
const PROBE_BYTES = 1024 ** 2;

/**
 * Looks at the volume; never fails and never hangs. On a volume that hangs there is one question of each kind at a
 * time, however often it is looked at: each takes one of Node's few threads until the volume answers.
 */
export class VolumeWatch {
  readonly #questions: VolumeQuestions;
  readonly #clock: Clock;
  #looking: ReturnType<VolumeQuestions['look']> | undefined;
  #writing: ReturnType<VolumeQuestions['write']> | undefined;
  #givingBack: Promise<void> | undefined;
  /** What the file takes that was written. */
  #heldBytes = 0;

  constructor(questions: VolumeQuestions, clock: Clock) {
    this.#questions = questions;
    this.#clock = clock;
  }

  /**
   * @param write also writes a file through to it: some file systems that have become read-only say so only then. The
   * file stays until {@link giveBack}: a write that the volume's device had no room for then doesn't succeed elsewhere
   */
  async look(write: boolean): Promise<VolumeLook> {
    const held = this.#heldBytes;
    const [look, written] = await Promise.all([
      untilDone(this.#lookOnce(), LOOK_MILLISECONDS, this.#clock),
      write ? untilDone(this.#writeOnce(), LOOK_MILLISECONDS, this.#clock) : 'NotTried',
    ]);
    const space = look?.space;
    return {
      space: space === undefined ? undefined : { ...space, freeBytes: space.freeBytes + held },
      disk: look?.disk ?? 'Unknown',
      readOnly: look?.readOnly === true || written === 'ReadOnly',
      takesData: written === 'NotTried' ? undefined : written === 'Written',
    };
  }

  /** Frees what looks have written, for the guest. */
  async giveBack(): Promise<void> {
    this.#givingBack ??= this.#questions.giveBack().finally(() => {
      this.#givingBack = undefined;
    });
    await untilDone(this.#givingBack, LOOK_MILLISECONDS, this.#clock);
    this.#heldBytes = 0;
  }

  #lookOnce() {
    this.#looking ??= this.#questions.look().finally(() => {
      this.#looking = undefined;
    });
    return this.#looking;
  }

  #writeOnce() {
    this.#writing ??= this.#questions
      .write()
      .then((written) => {
        this.#heldBytes = written === 'Written' ? PROBE_BYTES : 0;
        return written;
      })
      .finally(() => {
        this.#writing = undefined;
      });
    return this.#writing;
  }
}

/**
 * @param disk the disk's file
 * @param inode the disk's, as its record has it
 */
export function volumeQuestions(disk: string, inode: number): VolumeQuestions {
  const probe = path.join(volumeOf(disk).folder, 'probe');
  return { look: () => lookAt(disk, inode), write: () => writeProbe(probe), giveBack: () => removeProbe(probe) };
}

/** One after the other: each takes a thread. */
async function lookAt(disk: string, inode: number): Promise<Omit<VolumeLook, 'takesData'>> {
  try {
    const folder = path.dirname(disk);
    const space = await spaceOf(folder);
    const facts = await volumeFiles.facts(disk);
    const readOnly = await isMountedReadOnly(folder);
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

async function writeProbe(probe: string): Promise<'Written' | 'ReadOnly' | 'Failed'> {
  try {
    const file = await open(probe, constants.O_RDWR | constants.O_CREAT);
    try {
      await fill(file, probe);
      await file.sync();
    } finally {
      await file.close();
    }
    return 'Written';
  } catch (error) {
    return codeOf(error) === 'EROFS' ? 'ReadOnly' : 'Failed';
  }
}

/** With bytes that can't be compressed away. A part of them would take the last room. */
async function fill(file: FileHandle, probe: string): Promise<void> {
  try {
    await file.writeFile(randomBytes(PROBE_BYTES));
  } catch (error) {
    await removeProbe(probe);
    throw error;
  }
}

async function removeProbe(probe: string): Promise<void> {
  try {
    await rm(probe, { force: true });
  } catch {
    // The volume is away or read-only: then nobody lacks the room.
  }
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined;
}
