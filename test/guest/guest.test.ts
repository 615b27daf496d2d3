import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { execa } from 'execa';
import { PNG } from 'pngjs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ensureDebianPackages } from '../../scripts/debian-packages.ts';
import { ensureBlankDisk, ensureTestGuest, readGuestState } from './index.ts';
import { GuestMachine } from './machine.ts';

const MINUTE = 60_000;

let folder = '';
let running: GuestMachine | undefined;

/** A disk of its own over the shared guest: what a test writes goes nowhere else. */
async function overlay(name: string): Promise<string> {
  const disk = path.join(folder, name);
  await execa('qemu-img', ['create', '-q', '-f', 'qcow2', '-b', await ensureTestGuest(), '-F', 'qcow2', disk]);
  return disk;
}

async function boot(disk: string, options?: { memoryMiB?: number }): Promise<GuestMachine> {
  running = await GuestMachine.start(disk, folder, options);
  await running.expect(/LOCO-GUEST ready/, MINUTE);
  return running;
}

async function holdsPattern(disk: string, byte: string, start: string, length: string): Promise<boolean> {
  const read = await execa('qemu-io', ['-U', '-f', 'qcow2', '-r', '-c', `read -P ${byte} ${start} ${length}`, disk], {
    reject: false,
  });
  return read.exitCode === 0;
}

async function screen(machine: GuestMachine): Promise<PNG> {
  const file = path.join(folder, 'screen.png');
  await machine.command('screendump', { filename: file, format: 'png' });
  return PNG.sync.read(await readFile(file));
}

const coloursOf = ({ data }: PNG): number =>
  new Set(new Uint32Array(data.buffer, data.byteOffset, data.length / 4)).size;

beforeAll(async () => {
  await ensureDebianPackages(['qemu-system-x86']);
  await ensureTestGuest();
  folder = await mkdtemp(path.join(tmpdir(), 'loco-guest-'));
}, 5 * MINUTE);

afterAll(async () => {
  await running?.kill();
  await rm(folder, { recursive: true, force: true });
});

describe('the test guest', () => {
  test(
    'counts its boots and tells a clean stop from a power cut',
    async () => {
      const disk = await overlay('counting.qcow2');
      expect(await readGuestState(disk)).toEqual({ boot: 0, state: 'clean' });

      const first = await boot(disk);
      await first.expect(/LOCO-GUEST boot=1\r?\nLOCO-GUEST clean=yes/);
      await first.expect(/LOCO-GUEST mac=52:54:00:0a:0b:0c/);
      await first.expect(/LOCO-GUEST ram=4\d\dMiB/);
      expect(await readGuestState(disk)).toEqual({ boot: 1, state: 'running' });
      await first.expect(/LOCO-GUEST files=none/);
      await first.type('load 0');
      await first.command('system_powerdown');
      await first.ended();
      expect(await readGuestState(disk)).toEqual({ boot: 1, state: 'clean' });

      const second = await boot(disk, { memoryMiB: 64 });
      await second.expect(/LOCO-GUEST boot=2\r?\nLOCO-GUEST clean=yes/);
      await second.expect(/LOCO-GUEST files=clean/);
      await second.type('load 0');
      await second.type('memory');
      await second.type('status');
      await second.expect(/LOCO-GUEST rounds=\d+/);
      await second.kill();
      expect(await readGuestState(disk)).toEqual({ boot: 2, state: 'running' });

      const third = await boot(disk, { memoryMiB: 64 });
      await third.expect(/LOCO-GUEST boot=3\r?\nLOCO-GUEST clean=no[\s\S]*LOCO-GUEST files=dirty/);
      await third.type('poweroff');
      await third.ended();
      expect(await readGuestState(disk)).toEqual({ boot: 3, state: 'clean' });
    },
    3 * MINUTE,
  );

  test(
    'obeys its serial line',
    async () => {
      const disk = await overlay('commands.qcow2');
      const guest = await boot(disk);
      await guest.type('pci');
      await guest.expect(/LOCO-GUEST machine=pc-i440fx-\d+\.\d+/);
      await guest.expect(/LOCO-GUEST pci=0000:00:03\.0 10ec:8029/);
      await guest.type('status');
      const time = await guest.expect(/LOCO-GUEST time=(\S+)/);
      expect(Date.parse(time[1] ?? '')).not.toBeNaN();

      const text = await screen(guest);
      expect([text.width, text.height]).toEqual([720, 400]);
      expect(coloursOf(text)).toBe(2);
      await guest.type('graphics');
      const picture = await screen(guest);
      expect([picture.width, picture.height]).toEqual([640, 480]);
      expect(coloursOf(picture)).toBeGreaterThan(1000);

      await guest.type('write-direct 2');
      expect(await holdsPattern(disk, '0xa5', '17M', '2M')).toBe(true);
      await guest.type('fill', 2 * MINUTE);
      expect(await holdsPattern(disk, '0x5a', '17M', '1964M')).toBe(true);

      await guest.type('ignore-button');
      await guest.command('system_powerdown');
      await guest.expect(/LOCO-GUEST button ignored/);
      await guest.type('reboot');
      await guest.expect(/LOCO-GUEST boot=2\r?\nLOCO-GUEST clean=yes[\s\S]*ready/, MINUTE);
      await guest.type('hang');
      await guest.expect(/Kernel panic/);
      await guest.command('system_powerdown');
      await guest.kill();
      expect(await readGuestState(disk)).toEqual({ boot: 2, state: 'running' });
    },
    4 * MINUTE,
  );
});

test('the blank disk has no boot sector', async () => {
  expect(await holdsPattern(await ensureBlankDisk(), '0', '0', '1M')).toBe(true);
});
