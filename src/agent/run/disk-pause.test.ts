import { pino } from 'pino';
import { describe, expect, it } from 'vitest';
import { DiskPause } from './disk-pause.ts';
import type { DiskError } from './probes.ts';
import type { VolumeLook } from './volume-look.ts';

const MEBIBYTE = 1024 ** 2;

const volume = (freeMiB: number, takesData = true): VolumeLook => ({
  space: { freeBytes: freeMiB * MEBIBYTE, totalBytes: 1000 * MEBIBYTE },
  disk: 'There',
  readOnly: false,
  takesData,
});

/** A guest paused by `diskError`, which runs on when `resumes` says so. */
function pausedGuest(diskError: DiskError, resumes: () => boolean) {
  let now = 0;
  const tries: number[] = [];
  let refills = 0;
  const pause = new DiskPause({
    watch: {
      diskError,
      resume: async () => {
        tries.push(now);
        return resumes();
      },
    },
    reserve: {
      refill: async () => {
        refills += 1;
      },
    },
    clock: { now: () => now, elapsed: () => now, sleep: async () => {} },
    log: pino({ level: 'silent' }),
  });
  /** Asks once a second, as long as the guest is paused. */
  const ask = async (seconds: number, look: VolumeLook) => {
    let outcome = await pause.tryAgain(look);
    for (let second = 1; second < seconds && outcome === 'Paused'; second += 1) {
      now += 1000;
      outcome = await pause.tryAgain(look);
    }
    now += 1000;
    return outcome;
  };
  return { ask, tries, refills: () => refills };
}

const FULL: DiskError = { noSpace: true, operation: 'write' };
const BROKEN: DiskError = { noSpace: false, operation: 'write' };
const UNREADABLE: DiskError = { noSpace: false, operation: 'read' };

describe('a guest that its disk has paused', () => {
  it('runs on as soon as a full volume has 8 MiB, and the reserve is filled again', async () => {
    const guest = pausedGuest(FULL, () => true);
    expect(await guest.ask(100, volume(7))).toBe('Paused');
    expect(guest.tries).toEqual([]);
    expect(await guest.ask(1, volume(8))).toBe('Resumed');
    expect(guest.refills()).toBe(1);
  });

  it('is tried less and less often, at least every 10 s', async () => {
    const guest = pausedGuest(UNREADABLE, () => false);
    await guest.ask(60, volume(500));
    const pauses = guest.tries.slice(1).map((at, index) => (at - (guest.tries[index] ?? 0)) / 1000);
    expect(pauses).toEqual([1, 2, 4, 8, 10, 10, 10, 10]);
  });

  it('stays where it is while the volume takes no data', async () => {
    const guest = pausedGuest(BROKEN, () => true);
    expect(await guest.ask(100, volume(500, false))).toBe('Paused');
    expect(guest.tries).toEqual([]);
    expect(await guest.ask(1, volume(500))).toBe('Resumed');
  });

  it('needs a new QEMU when its writes fail again and again on a volume that takes data', async () => {
    for (const error of [BROKEN, FULL]) {
      const guest = pausedGuest(error, () => false);
      expect(await guest.ask(100, volume(500))).toBe('Hopeless');
      expect(guest.tries).toHaveLength(5);
    }
  });

  it('needs none when a try in between has succeeded', async () => {
    const guest = pausedGuest(BROKEN, () => guest.tries.length === 5);
    expect(await guest.ask(50, volume(500))).toBe('Resumed');
    expect(await guest.ask(20, volume(500))).toBe('Paused');
    expect(guest.tries.length).toBeGreaterThan(5);
  });

  it('needs none when it only fills each room that it gets', async () => {
    const guest = pausedGuest(FULL, () => false);
    for (let round = 0; round < 20; round += 1) {
      expect(await guest.ask(1, volume(8))).toBe('Paused');
      expect(await guest.ask(12, volume(0))).toBe('Paused');
    }
    expect(guest.tries.length).toBeGreaterThan(10);
  });

  it('needs none for a part of the disk that can not be read', async () => {
    const guest = pausedGuest(UNREADABLE, () => false);
    expect(await guest.ask(1000, volume(500))).toBe('Paused');
  });
});
