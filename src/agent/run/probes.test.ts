import { describe, expect, it } from 'vitest';
import { type Facts, judge } from './probes.ts';

const GRAPHICS = { width: 640, height: 480, mode: 'Graphics', oneColour: false } as const;
const TEXT = { width: 720, height: 400, mode: 'Text', oneColour: false } as const;

const VOLUME = {
  space: { freeBytes: 5 * 1024 ** 3, totalBytes: 8 * 1024 ** 3 },
  disk: 'There',
  readOnly: false,
  takesData: undefined,
} as const;

const UP: Facts = {
  runState: 'running',
  diskError: undefined,
  volume: VOLUME,
  answersRfb: true,
  screen: GRAPHICS,
  screenText: [],
  readBytes: 10_000_000,
  secondsSinceReset: 20,
  cameUp: false,
};

describe('a machine is ready', () => {
  it('when it runs, can be seen, has read its system, and shows graphics', () => {
    expect(judge(UP, 'Graphics')).toMatchObject({ phase: 'Running', ready: true, reason: undefined });
  });

  it('with a text screen where any screen will do', () => {
    expect(judge({ ...UP, screen: TEXT }, 'Any')).toMatchObject({ ready: true });
  });

  it('for as long as it runs and can be seen once its screen came up, whatever is on it later', () => {
    const later = { ...UP, cameUp: true, screen: undefined, readBytes: 0 };
    expect(judge(later, 'Graphics')).toMatchObject({ ready: true });
  });
});

describe('a machine is not ready', () => {
  const bios = ['SeaBIOS (version 1.16.2)', 'Booting from Hard Disk...', 'No bootable device.'];

  it.each<[string, Partial<Facts>, string, string]>([
    ['QEMU does not answer', { runState: undefined }, 'QEMUNotResponding', 'monitor'],
    ['the guest is paused', { runState: 'paused', cameUp: true }, 'GuestPaused', 'paused'],
    [
      'its volume is full',
      { runState: 'io-error', diskError: { noSpace: true, operation: 'write' }, cameUp: true },
      'VolumeFull',
      'volume is full (5120 MiB of 8192 MiB are free). Make the volume larger',
    ],
    [
      'its disk fails',
      { runState: 'io-error', diskError: { noSpace: false, operation: 'read' }, cameUp: true },
      'DiskIOError',
      'read',
    ],
    [
      'its volume has less than a MiB, whatever QEMU says of the error',
      {
        runState: 'io-error',
        diskError: { noSpace: false, operation: 'write' },
        volume: { ...VOLUME, space: { freeBytes: 1000, totalBytes: 8 * 1024 ** 3 } },
      },
      'VolumeFull',
      '(0 MiB of 8192 MiB are free)',
    ],
    [
      'its volume has become read-only',
      {
        runState: 'io-error',
        diskError: { noSpace: false, operation: 'write' },
        volume: { ...VOLUME, readOnly: true },
      },
      'VolumeNotWritable',
      'The guest is paused. The volume has become read-only',
    ],
    ['its volume is read-only before it writes', { volume: { ...VOLUME, readOnly: true } }, 'VolumeNotWritable', 'log'],
    ["its disk's file is gone", { volume: { ...VOLUME, disk: 'Gone' }, cameUp: true }, 'DiskGone', 'was removed'],
    ['VNC does not answer', { answersRfb: false, cameUp: true }, 'VNCNotAnswering', 'VNC'],
    ['the BIOS found nothing', { screen: TEXT, screenText: bios, readBytes: 512 }, 'NotBootable', 'No bootable device'],
    ['nothing was read but a boot sector', { readBytes: 512 }, 'Booting', 'has not read its system'],
    ['there is no picture', { screen: undefined }, 'ScreenUnknown', 'no picture'],
    ['the picture has one colour', { screen: { ...GRAPHICS, oneColour: true } }, 'ScreenBlank', 'one colour'],
    ['it still boots in text mode', { screen: TEXT }, 'Booting', '720x400'],
    ['it shows its boot logo', { screen: { ...GRAPHICS, width: 320, mode: 'Low' } }, 'Booting', '320x480'],
    [
      'it is in text mode for long',
      { screen: TEXT, secondsSinceReset: 60, screenText: ['Microsoft ScanDisk'] },
      'TextMode',
      'stopped in text mode (ScanDisk or boot failure?). The screen says: "Microsoft ScanDisk"',
    ],
  ])('when %s', (_when, facts, reason, words) => {
    const verdict = judge({ ...UP, ...facts }, 'Graphics');
    expect(verdict).toMatchObject({ ready: false, reason });
    expect(verdict.message).toContain(words);
  });

  it('on an empty disk, also where any screen will do', () => {
    const empty = { ...UP, screen: TEXT, readBytes: 512 };
    expect(judge({ ...empty, screenText: bios }, 'Any')).toMatchObject({ ready: false, reason: 'NotBootable' });
    expect(judge({ ...empty, screenText: bios.slice(0, 2) }, 'Any')).toMatchObject({ ready: false, reason: 'Booting' });
  });

  it('and nothing of its screen is told but what helps', () => {
    const verdict = judge({ ...UP, screen: TEXT, screenText: ['Bad VFAT', 'C:\\>copy secret.txt'] }, 'Graphics');
    expect(verdict.message).toContain('The screen says: "Bad VFAT"');
    expect(verdict.message).not.toContain('secret');
  });

  it('and Paused is its phase only when the guest stands still', () => {
    expect(judge({ ...UP, runState: 'io-error' }, 'Any').phase).toBe('Paused');
    expect(judge({ ...UP, answersRfb: false }, 'Any').phase).toBe('Running');
  });
});
