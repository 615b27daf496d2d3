import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { execa } from 'execa';
import { PNG } from 'pngjs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { ensureDebianPackages } from '../../scripts/debian-packages.ts';
import { controlGuest } from '../../src/agent/run/control.ts';
import { parseMachineTypes } from '../../src/agent/run/hardware.ts';
import type { MachineSettings } from '../../src/contract/machine-settings.ts';
import { viewOnce } from '../vnc/rfb-client.ts';
import { makeBlankDisk, makeBootSectorGuest, makeGarbageDisk, makeResettingDisk } from './boot-sector-guest.ts';
import { type MachineUnderTest, startMachine, VNC_PASSWORD } from './machine-under-test.ts';

let folder: string;
let guest: string;

beforeAll(async () => {
  await ensureDebianPackages(['qemu-system-x86', 'qemu-utils']);
  folder = await mkdtemp(path.join(tmpdir(), 'loco-disks-'));
  guest = await makeBootSectorGuest(folder);
}, 300_000);

afterAll(() => rm(folder, { recursive: true }));

/** Types into the guest's serial line, as `POST /control` does. */
const type = (test: MachineUnderTest, text: string) =>
  controlGuest(test.qemu(), { action: 'SerialWrite', text }, test.machine.paths.run);

/** Resolves when the guest's line is in the log. */
const says = (test: MachineUnderTest, line: string) =>
  expect.poll(() => test.logged.map(({ serial }) => serial), { timeout: 10_000 }).toContain(line);

const ready = (test: MachineUnderTest) => test.until('ready', (report) => report.ready);

describe('a machine with a guest that boots', { timeout: 60_000 }, () => {
  it('becomes ready, shows its screen to whoever knows the password, and is stopped clean', async () => {
    await using test = await startMachine(guest);
    const report = await ready(test);
    expect(report).toMatchObject({
      phase: 'Running',
      machine: { type: expect.stringMatching(/^pc-i440fx-\d+\.\d+$/) },
    });
    expect(report.machine?.macAddress).toMatch(/^52:54:00:/);
    expect(test.recorded[0]).toMatchObject({ state: 'Running', hardware: { machineType: report.machine?.type } });
    await says(test, 'TINY-GUEST up');

    const vnc = { host: '127.0.0.1', port: test.machine.endpoints.vncPort };
    expect(await viewOnce({ ...vnc, password: undefined })).toMatchObject({ kind: 'Refused' });
    expect(await viewOnce({ ...vnc, password: '' })).toMatchObject({ kind: 'Refused' });
    expect(await viewOnce({ ...vnc, password: 'wrong' })).toMatchObject({ kind: 'Refused' });
    const seen = await viewOnce({ ...vnc, password: VNC_PASSWORD });
    expect(seen).toMatchObject({ kind: 'Accepted', desktopName: expect.stringContaining('classroom-2') });
    expect(seen.kind === 'Accepted' && new Set(seen.frame.rgb).size).toBeGreaterThan(1);

    const shot = await controlGuest(test.qemu(), { action: 'Screenshot' }, test.machine.paths.run);
    const picture = shot.kind === 'Png' ? PNG.sync.read(shot.png) : undefined;
    expect(picture).toMatchObject({ width: 720, height: 400 });
    expect(new Set(new Uint32Array(picture?.data.buffer ?? new ArrayBuffer(0))).size).toBeGreaterThan(1);

    await test.stop();
    expect(test.recorded.at(-1)).toMatchObject({ state: 'Stopped', lastStop: { kind: 'Clean' } });
    expect(test.reports.at(-1)).toMatchObject({
      phase: 'Stopped',
      ready: false,
      disk: { lastStop: { kind: 'Clean' } },
    });
    expect((await readdir(test.machine.paths.run)).filter((name) => name.endsWith('.ppm'))).toEqual([]);
  });

  it('takes over a password that is mounted while it runs: the new one opens the screen, the old one no more', async () => {
    await using test = await startMachine(guest);
    await ready(test);
    const { pid } = test.qemu() ?? {};
    const view = (password: string) => viewOnce({ host: '127.0.0.1', port: test.machine.endpoints.vncPort, password });
    await test.mountVncPassword('after345\n');
    await expect.poll(async () => (await view('after345')).kind, { timeout: 20_000 }).toBe('Accepted');
    expect(await view(VNC_PASSWORD)).toMatchObject({ kind: 'Refused' });
    await test.mountVncPassword('');
    await expect
      .poll(() => test.logged.map(({ msg }) => msg), { timeout: 20_000 })
      .toContain('The VNC password stays what it was');
    expect((await view('')).kind).toBe('Refused');
    expect((await view('after345')).kind).toBe('Accepted');
    expect(test.qemu()?.pid).toBe(pid);
  });

  it('is stopped at once when it is asked to before QEMU runs', async () => {
    await using test = await startMachine(guest);
    await test.stop();
    expect(test.reports.at(-1)).toMatchObject({ phase: 'Stopped' });
    expect(test.recorded.slice(1)).toEqual([{ state: 'Prepared' }]);
  });

  it('is recorded as it was before when it is stopped before the guest runs', async () => {
    await using test = await startMachine(guest, {}, { stopBeforeGuest: true });
    await test.until('stopped', ({ phase }) => phase === 'Stopped');
    expect(test.recorded).toEqual([{ state: 'Running', hardware: expect.anything() }, { state: 'Prepared' }]);
    expect(test.reports.at(-1)?.disk?.lastStop).toBeUndefined();
  });

  it('is looked at on, and lives on, when a look fails', async () => {
    await using test = await startMachine(guest);
    const unsubscribe = test.machine.report.subscribe((report) => {
      if (!report.ready) return;
      unsubscribe();
      throw new Error('nobody expected this');
    });
    await expect
      .poll(() => test.logged.map(({ msg }) => msg), { timeout: 20_000 })
      .toContain('A look at the guest failed');
    await test.qemu()?.qmp.execute('stop', z.unknown());
    await test.until('looked at again', ({ phase }) => phase === 'Paused');
    await test.stop();
    expect(test.recorded.at(-1)).toMatchObject({ lastStop: { kind: 'Clean' } });
  });

  it('is resumed and stopped clean when it is asked to while the guest is paused', async () => {
    await using test = await startMachine(guest);
    await ready(test);
    await test.qemu()?.qmp.execute('stop', z.unknown());
    await test.until('paused', (report) => report.phase === 'Paused' && report.reason === 'GuestPaused');
    await test.stop();
    expect(test.recorded.at(-1)).toMatchObject({ lastStop: { kind: 'Clean' } });
  });

  it('lets the guest reboot in the same QEMU, and is not ready while it does', async () => {
    await using test = await startMachine(guest);
    await ready(test);
    const pid = test.qemu()?.pid;
    await type(test, 'r');
    await test.until('booting again', (report) => !report.ready);
    await ready(test);
    expect(test.qemu()?.pid).toBe(pid);
    expect(test.opened()).toBe(1);
  });

  it('starts the guest again after it switched itself off under Restart', async () => {
    await using test = await startMachine(guest);
    await ready(test);
    const pid = test.qemu()?.pid;
    await type(test, 'p');
    await test.until('off', (report) => report.reason === 'GuestPoweredOff');
    expect(test.recorded.at(-1)).toMatchObject({ state: 'Stopped', lastStop: { kind: 'Clean' } });
    await ready(test);
    expect(test.qemu()?.pid).not.toBe(pid);
    expect(test.opened()).toBe(1);
  });

  it('leaves the guest off under Stay, and still ends when it is asked to', async () => {
    await using test = await startMachine(guest, { onGuestPowerOff: 'Stay' });
    await ready(test);
    await type(test, 'p');
    const report = await test.until('off', ({ phase }) => phase === 'PoweredOff');
    expect(report).toMatchObject({ ready: false, disk: { lastStop: { kind: 'Clean' } } });
    await test.stop();
    expect(test.reports.at(-1)?.phase).toBe('Stopped');
  });

  it('waits for a graphics mode of 640x480 where that is asked for', async () => {
    await using test = await startMachine(guest, { readinessScreen: 'Graphics' });
    await says(test, 'TINY-GUEST up');
    expect(await test.until('text', ({ message }) => message.includes('The guest boots'))).toMatchObject({
      ready: false,
    });
    await type(test, 'g');
    await ready(test);
  });
});

describe("a machine's hardware", { timeout: 60_000 }, () => {
  const pciSchema = z.array(z.object({ devices: z.array(z.object({ slot: z.int(), qdev_id: z.string() })) }));

  it.each<[Partial<MachineSettings>, Record<string, number>]>([
    [{}, { video: 2, nic: 3 }],
    [
      { video: 'cirrus', nic: 'pcnet', sound: 'es1370', pointer: 'USBTablet' },
      { video: 2, nic: 3, sound: 4, usb: 5 },
    ],
    [
      { video: 'vmware', nic: 'rtl8139', sound: 'none', diskCache: 'Writeback' },
      { video: 2, nic: 3 },
    ],
    [
      { nic: 'none', sound: 'es1370' },
      { video: 2, sound: 4 },
    ],
  ])('has each device of %o in its slot', async (settings, slots) => {
    await using test = await startMachine(guest, settings);
    await ready(test);
    const pci = await test.qemu()?.qmp.execute('query-pci', pciSchema);
    const devices = pci?.ok === true ? pci.value.flatMap((bus) => bus.devices) : [];
    const named = devices.filter((device) => device.qdev_id !== '').map((device) => [device.qdev_id, device.slot]);
    expect(Object.fromEntries(named)).toEqual(slots);
  });
});

describe('a machine that was made by an image with an older QEMU', { timeout: 60_000 }, () => {
  const functionsSchema = z.array(
    z.object({
      devices: z.array(
        z.object({ slot: z.int(), function: z.int(), id: z.object({ device: z.int(), vendor: z.int() }) }),
      ),
    }),
  );

  /** What the guest finds on its buses: slot, function, vendor and device of each, and the network card's address. */
  async function hardwareOf(test: MachineUnderTest) {
    const qmp = test.qemu()?.qmp;
    const property = (path: string, name: string) =>
      qmp?.execute('qom-get', z.string(), { arguments: { path, property: name } });
    return {
      board: await property('/machine', 'type'),
      macAddress: await property('/machine/peripheral/nic', 'mac'),
      pci: await qmp?.execute('query-pci', functionsSchema),
    };
  }

  it('keeps its board, its address and every device in its place', async () => {
    const help = await execa('qemu-system-i386', ['-machine', 'help']);
    const versions = parseMachineTypes(help.stdout).filter(({ name }) => /^pc-i440fx-\d+\.\d+$/.test(name));
    const older = versions[3]?.name ?? '';
    const hardware = { machineType: older, macAddress: '52:54:00:aa:bb:cc' };
    await using upgraded = await startMachine(guest, {}, { record: { hardware } });
    expect(await ready(upgraded)).toMatchObject({ machine: { type: older, macAddress: hardware.macAddress } });
    const after = await hardwareOf(upgraded);
    expect(after).toMatchObject({
      board: { value: `${older}-machine` },
      macAddress: { value: hardware.macAddress },
    });
    expect(upgraded.recorded[0]).toMatchObject({ hardware });
    await upgraded.stop();

    await using fresh = await startMachine(guest);
    const newest = await ready(fresh);
    expect(newest.machine?.type).not.toBe(older);
    expect((await hardwareOf(fresh)).pci).toEqual(after.pci);
  });
});

describe('a machine that has nothing to boot is never ready', { timeout: 60_000 }, () => {
  it('with a blank disk: it says what the BIOS says', async () => {
    await using test = await startMachine(await makeBlankDisk(folder));
    const report = await test.until('the BIOS gave up', ({ reason }) => reason === 'NotBootable');
    expect(report.message).toContain('No bootable device');
    expect(test.reports.some((each) => each.ready)).toBe(false);
  });

  it('with a boot sector that hangs', async () => {
    await using test = await startMachine(await makeGarbageDisk(folder));
    const report = await test.until('the boot sector runs', ({ message }) => message.includes('Booting from Hard'));
    expect(report).toMatchObject({ ready: false, reason: 'Booting' });
    await test.qemu()?.qmp.execute('stop', z.unknown());
    await test.until('looked at again', ({ phase }) => phase === 'Paused');
    expect(test.reports.some((each) => each.ready)).toBe(false);
  });

  it('with a boot sector that resets the machine again and again', async () => {
    await using test = await startMachine(await makeResettingDisk(folder));
    await expect
      .poll(() => test.logged.filter(({ msg }) => msg === 'The guest was reset').length, { timeout: 30_000 })
      .toBeGreaterThan(4);
    expect(test.reports.some((each) => each.ready)).toBe(false);
  });
});

describe('a machine that lacks something waits and says what', { timeout: 60_000 }, () => {
  it('for a VNC password, and starts by itself when it is put right', async () => {
    await using test = await startMachine(guest, {}, { vncPassword: '\n' });
    const report = await test.until('refused', ({ reason }) => reason === 'VNCPasswordInvalid');
    expect(report).toMatchObject({ phase: 'Starting', ready: false });
    expect(test.recorded).toEqual([]);
    await test.mountVncPassword(VNC_PASSWORD);
    await ready(test);
  });

  it('for KVM, and does not fall back', async () => {
    await using test = await startMachine(guest, { acceleration: 'KVM' }, { kvmDevice: path.join(folder, 'no-kvm') });
    const report = await test.until('refused', ({ reason }) => reason === 'KVMNotAvailable');
    expect(report).toMatchObject({ phase: 'Starting', ready: false });
    expect(test.qemu()).toBeUndefined();
  });

  it('for arguments that QEMU takes, with its own words', async () => {
    await using test = await startMachine(guest, { extraArgs: ['-device', 'warp-drive'] });
    const report = await test.until('refused', ({ reason }) => reason === 'QEMUStartFailed');
    expect(report.message).toContain('warp-drive');
    expect(test.recorded.at(-1)).toEqual({ state: 'Prepared' });
  });

  it('for a QEMU that lets its guest run', async () => {
    await using test = await startMachine(guest, { extraArgs: ['-preconfig'] });
    const report = await test.until('refused', ({ reason }) => reason === 'QEMUStartFailed');
    expect(report.message).toContain('QEMU did not let the guest run');
    expect(test.recorded.at(-1)).toEqual({ state: 'Prepared' });
  });

  it('for a disk that another QEMU writes to', async () => {
    await using first = await startMachine(guest);
    await ready(first);
    await using second = await startMachine(guest);
    const report = await second.until('refused', ({ reason }) => reason === 'QEMUStartFailed');
    expect(report.message).toContain('lock');
  });
});
