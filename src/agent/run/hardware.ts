import { createHash } from 'node:crypto';
import { failed, type Result, success } from '../failure.ts';
import type { Hardware } from './qemu-arguments.ts';

/** A line of `qemu-system-i386 -machine help`. */
export interface MachineType {
  readonly name: string;
  readonly aliasOf: string | undefined;
}

const VERSIONED = /-(\d+)\.(\d+)$/;
const NEWEST_OF = 'pc-i440fx-';

/** The machine types that a QEMU knows, from what `-machine help` printed. */
export function parseMachineTypes(help: string): MachineType[] {
  return [...help.matchAll(/^(\S+) +\S.*$/gm)].map((match) => ({
    name: match[1] ?? '',
    aliasOf: /\(alias of (\S+)\)/.exec(match[0])?.[1],
  }));
}

/** Stable for a machine of an Emulator, also when both are deleted and made again; in QEMU's own range. */
export function macAddressOf(namespace: string, emulator: string, ordinal: number): string {
  const hash = createHash('sha256').update(`${namespace}/${emulator}/${ordinal}`).digest('hex');
  return `52:54:00:${hash.slice(0, 2)}:${hash.slice(2, 4)}:${hash.slice(4, 6)}`;
}

/**
 * The hardware of this start. A versioned type that the user names is taken; an empty one or an alias (`pc`) stands
 * for what the record has, or at the first start for the newest, and is versioned from then on. Fails with
 * `MachineTypeUnknown` when this QEMU doesn't have it: another one in its place would be new hardware to the guest.
 */
export function chooseHardware(input: {
  readonly wantedType: string;
  readonly recorded: Hardware | undefined;
  readonly known: readonly MachineType[];
  readonly macAddress: string;
}): Result<Hardware> {
  const { wantedType, recorded, known } = input;
  const machineType = chooseType(wantedType, recorded?.machineType, known);
  if (machineType === undefined || !known.some((type) => type.name === machineType)) {
    const versions = known.map((type) => type.name).filter((name) => name.startsWith(NEWEST_OF));
    return failed(
      'MachineTypeUnknown',
      `This image's QEMU has no machine type ${JSON.stringify(machineType ?? wantedType)}. ` +
        `Set machine.type to one of ${versions.join(', ')}, or use the image that the machine was made with.`,
    );
  }
  return success({ machineType, macAddress: recorded?.macAddress ?? input.macAddress });
}

function chooseType(wanted: string, recorded: string | undefined, known: readonly MachineType[]): string | undefined {
  if (VERSIONED.test(wanted)) {
    return wanted;
  }
  if (recorded !== undefined) {
    return recorded;
  }
  if (wanted !== '') {
    return known.find((type) => type.name === wanted)?.aliasOf;
  }
  return known
    .filter((type) => type.name.startsWith(NEWEST_OF) && VERSIONED.test(type.name))
    .map((type) => type.name)
    .sort(byVersion)
    .at(-1);
}

function byVersion(left: string, right: string): number {
  const [leftMajor = 0, leftMinor = 0] = versionOf(left);
  const [rightMajor = 0, rightMinor = 0] = versionOf(right);
  return leftMajor - rightMajor || leftMinor - rightMinor;
}

function versionOf(name: string): number[] {
  return (VERSIONED.exec(name) ?? []).slice(1).map(Number);
}
