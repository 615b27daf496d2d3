import type { Logger } from 'pino';
import type { Clock } from '../environment.ts';
import type { GuestWatch } from './guest-watch.ts';
import type { Reserve } from './machine.ts';
import { isFull } from './probes.ts';
import type { VolumeLook } from './volume-look.ts';

export interface DiskPauseOptions {
  readonly watch: Pick<GuestWatch, 'diskError' | 'resume'>;
  readonly reserve: Pick<Reserve, 'refill'>;
  readonly clock: Clock;
  readonly log: Logger;
}

/** With less room than this, the guest would be paused again at once. */
const ROOM_BYTES = 8 * 1024 ** 2;

const FIRST_PAUSE_MILLISECONDS = 1000;
const LONGEST_PAUSE_MILLISECONDS = 10_000;

/** After so long without a try, the trouble is a new one. */
const STEADY_MILLISECONDS = 60_000;

/**
 * QEMU never flushes a file again whose flush failed once (the kernel has dropped the data then), although the volume
 * works: after so many tries it is that, and only a new QEMU can go on.
 */
const HOPELESS_TRIES = 5;

/** Lets a guest that an error of its disk paused run on, as soon as the volume can take its data. */
export class DiskPause {
  readonly #options: DiskPauseOptions;
  #tries = 0;
  #hopelessTries = 0;
  #triedAt = Number.NEGATIVE_INFINITY;

  constructor(options: DiskPauseOptions) {
    this.#options = options;
  }

  /**
   * To be called again and again while the guest is paused; tries at most every 10 s. `Hopeless`: QEMU can't write to
   * a volume that can be written.
   */
  async tryAgain(volume: VolumeLook): Promise<'Paused' | 'Resumed' | 'Hopeless'> {
    const { watch, clock, log, reserve } = this.#options;
    const waited = clock.elapsed() - this.#triedAt;
    if (waited >= STEADY_MILLISECONDS) {
      this.#tries = 0;
      this.#hopelessTries = 0;
    }
    if (isFull(watch.diskError, volume) && !hasRoom(volume)) {
      this.#hopelessTries = 0;
      return 'Paused';
    }
    if (waited < pauseBefore(this.#tries) || volume.takesData !== true) {
      return 'Paused';
    }
    const isWrite = watch.diskError?.operation === 'write';
    this.#tries += 1;
    const resumed = await watch.resume();
    this.#triedAt = clock.elapsed();
    if (resumed) {
      this.#hopelessTries = 0;
      log.info({ tries: this.#tries }, 'The guest goes on: its volume takes its data again');
      await reserve.refill();
      return 'Resumed';
    }
    this.#hopelessTries += isWrite ? 1 : 0;
    return this.#hopelessTries >= HOPELESS_TRIES ? 'Hopeless' : 'Paused';
  }
}

function hasRoom({ space }: VolumeLook): boolean {
  return space !== undefined && space.freeBytes >= ROOM_BYTES;
}

/** Milliseconds from the last of so many tries to the next. */
function pauseBefore(tries: number): number {
  return tries === 0 ? 0 : Math.min(FIRST_PAUSE_MILLISECONDS * 2 ** (tries - 1), LONGEST_PAUSE_MILLISECONDS);
}
