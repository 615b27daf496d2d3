import type { Logger } from 'pino';
import type { MachineSettings } from '../../contract/machine-settings.ts';
import { ensureReserve, releaseReserve } from '../disk/reserve.ts';
import type { Volume } from '../disk/volume.ts';
import type { VolumeFiles } from '../disk/volume-files.ts';
import { messageOf } from '../failure.ts';
import type { Reserve } from './machine.ts';

/**
 * The reserve on a volume, whose troubles are logged and stop nobody; a disk that is lost with its pod has none. The
 * caller holds the volume's lock.
 */
export function reserveOf(
  diskCache: MachineSettings['diskCache'],
  files: VolumeFiles,
  volume: Volume,
  log: Logger,
): Reserve {
  return {
    release: async () => {
      try {
        if ((await files.facts(volume.reserve)) === undefined) return;
        await releaseReserve(files, volume);
        log.warn({}, 'The volume is full: its reserve is given to the guest, so that it can shut down');
      } catch (error) {
        log.error({ error: messageOf(error) }, 'The reserve could not be released');
      }
    },
    refill: async () => {
      if (diskCache === 'Writeback') return;
      const outcome = await ensureReserve(files, volume);
      log.info({ outcome }, 'The reserve on the volume was looked after');
    },
  };
}
