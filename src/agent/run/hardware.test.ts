import { describe, expect, it } from 'vitest';
import { chooseHardware, macAddressOf, parseMachineTypes } from './hardware.ts';

const HELP = `Supported machines are:
microvm              microvm (i386)
pc                   Standard PC (i440FX + PIIX, 1996) (alias of pc-i440fx-10.0)
pc-i440fx-9.2        Standard PC (i440FX + PIIX, 1996)
pc-i440fx-10.0       Standard PC (i440FX + PIIX, 1996) (default)
pc-i440fx-2.4        Standard PC (i440FX + PIIX, 1996) (deprecated)
pc-q35-10.0          Standard PC (Q35 + ICH9, 2009)
isapc                ISA-only PC
`;
const known = parseMachineTypes(HELP);
const MAC = '52:54:00:01:02:03';

const choose = (wantedType: string, recorded?: string) =>
  chooseHardware({
    wantedType,
    recorded: recorded === undefined ? undefined : { machineType: recorded, macAddress: '52:54:00:ff:ff:ff' },
    known,
    macAddress: MAC,
  });

describe('the hardware of a machine', () => {
  it.each([
    ['the newest version at the first start', '', undefined, 'pc-i440fx-10.0'],
    ['what the record has after that', '', 'pc-i440fx-9.2', 'pc-i440fx-9.2'],
    ['the version behind an alias at the first start', 'pc', undefined, 'pc-i440fx-10.0'],
    ['what the record has for an alias after that', 'pc', 'pc-i440fx-9.2', 'pc-i440fx-9.2'],
    ['the version that is asked for, whatever the record has', 'pc-i440fx-2.4', 'pc-i440fx-9.2', 'pc-i440fx-2.4'],
  ])('is %s', (_what, wanted, recorded, type) => {
    expect(choose(wanted, recorded)).toMatchObject({ ok: true, value: { machineType: type } });
  });

  it('keeps the MAC address of the record', () => {
    expect(choose('', 'pc-i440fx-9.2')).toMatchObject({ value: { macAddress: '52:54:00:ff:ff:ff' } });
    expect(choose('')).toMatchObject({ value: { macAddress: MAC } });
  });

  it.each([
    ['the user names', 'pc-i440fx-99.0', undefined],
    ['an upgraded image no longer has', '', 'pc-i440fx-1.4'],
    ['has no version', 'isapc', undefined],
  ])('is refused with a type that %s, and the known ones are listed', (_what, wanted, recorded) => {
    const result = choose(wanted, recorded);
    expect(result).toMatchObject({ ok: false, failure: { reason: 'MachineTypeUnknown' } });
    expect(!result.ok && result.failure.message).toContain('pc-i440fx-9.2, pc-i440fx-10.0');
  });
});

describe('the MAC address', () => {
  it('is the same for the same machine and another for each other one', () => {
    const addresses = [
      macAddressOf('school', 'classroom', 0),
      macAddressOf('school', 'classroom', 1),
      macAddressOf('school', 'lab', 0),
      macAddressOf('home', 'classroom', 0),
    ];
    expect(new Set(addresses).size).toBe(4);
    expect(macAddressOf('school', 'classroom', 0)).toBe(addresses[0]);
    expect(addresses.every((address) => /^52:54:00(:[0-9a-f]{2}){3}$/.test(address))).toBe(true);
  });
});
