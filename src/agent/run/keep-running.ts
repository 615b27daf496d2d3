import type { Logger } from 'pino';
import { z } from 'zod';
import type { GuestWatch } from './guest-watch.ts';
import type { Reserve } from './machine.ts';
import { isFull } from './probes.ts';
import type { Qemu } from './qemu-process.ts';
import type { VolumeLook } from './volume-look.ts';

export interface KeepRunningOptions {
  readonly qemu: Pick<Qemu, 'qmp'>;
  readonly watch: Pick<GuestWatch, 'diskError' | 'isHeld' | 'letRun'>;
  readonly lookAtVolume: () => Promise<VolumeLook>;
  readonly reserve: Pick<Reserve, 'release'>;
  readonly log: Logger;
}

const ANSWER_MILLISECONDS = 2000;

const statusSchema = z.object({ status: z.string() });

/** A guest that shuts down writes; with less room than this it would soon be paused. */
const ROOM_BYTES = 8 * 1024 ** 2;

/**
 * One look at a guest that must shut down: it gets the reserve's room when it needs it, and runs on when paused.
 * @returns true when it has never run; then it is left so
 */
export async function keepRunning(options: KeepRunningOptions): Promise<boolean> {
  const { qemu, watch, lookAtVolume, reserve, log } = options;
  const status = await qemu.qmp.execute('query-status', statusSchema, { timeoutMilliseconds: ANSWER_MILLISECONDS });
  if (status.ok && status.value.status === 'prelaunch') {
    return true;
  }
  const volume = await lookAtVolume();
  if (isFull(watch.diskError, volume) || (volume.space?.freeBytes ?? ROOM_BYTES) < ROOM_BYTES) {
    await reserve.release();
  }
  if (!status.ok || status.value.status === 'running') {
    return false;
  }
  log.info({ status: status.value.status }, 'The guest is made to run, so that it can shut down');
  if (watch.diskError === undefined && !watch.isHeld) {
    await qemu.qmp.execute('cont', z.unknown(), { timeoutMilliseconds: ANSWER_MILLISECONDS });
  } else {
    await watch.letRun();
  }
  return false;
}
