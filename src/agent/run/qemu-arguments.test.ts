import { describe, expect, it } from 'vitest';
import type { MachineSettings } from '../../contract/machine-settings.ts';
import { podEndpoints, qemuArguments } from './qemu-arguments.ts';

const SETTINGS: MachineSettings = {
  type: '',
  cpu: 'pentium2',
  memoryMiB: 512,
  acceleration: 'TCG',
  video: 'std',
  sound: 'sb16',
  nic: 'ne2k_pci',
  timeZone: 'UTC',
  pointer: 'PS2',
  extraArgs: [],
  gracePeriodSeconds: 90,
  onGuestPowerOff: 'Restart',
  readinessScreen: 'Graphics',
  diskCache: 'Durable',
};

const argumentsOf = (settings: Partial<MachineSettings> = {}) =>
  qemuArguments({
    name: 'classroom-0',
    settings: { ...SETTINGS, ...settings },
    hardware: { machineType: 'pc-i440fx-10.0', macAddress: '52:54:00:01:02:03' },
    endpoints: podEndpoints('/images/win98.qcow2', '/run/loco'),
    localTime: '2026-11-21T10:00:00',
  });

const lines = (settings?: Partial<MachineSettings>) => argumentsOf(settings).join(' ').replaceAll(' -', '\n-');

describe("QEMU's command line", () => {
  it('is this for the default machine', () => {
    expect(lines()).toMatchSnapshot();
  });

  it('is this for the other choice of everything', () => {
    expect(
      lines({
        acceleration: 'KVM',
        video: 'cirrus',
        sound: 'es1370',
        nic: 'pcnet',
        pointer: 'USBTablet',
        diskCache: 'Writeback',
        extraArgs: ['-device', 'floppy'],
      }),
    ).toMatchSnapshot();
  });

  it('leaves out what is none', () => {
    const line = lines({ sound: 'none', nic: 'none' });
    expect(line).not.toMatch(/audio|netdev/);
  });

  it.each([{}, { nic: 'none' }, { sound: 'es1370' }, { pointer: 'USBTablet' }] as const)(
    'keeps the other devices where they are with %o',
    (settings) => {
      const line = lines(settings);
      expect(line).toContain('VGA,id=video,bus=pci.0,addr=0x2');
      expect(line).toContain('bus=ide.0,unit=0');
    },
  );

  it('never turns reboots into ends, and has no password in it', () => {
    const line = lines();
    expect(line).not.toContain('-no-reboot');
    expect(line).not.toMatch(/password=/);
  });
});
