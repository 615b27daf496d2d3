import type { EmulatorSpec } from '../../../api/emulator/schema.ts';
import { MIB, parseQuantity } from '../../quantity.ts';

/** QEMU is started with `tb-size=128`: the translation buffer of TCG, whatever the guest's memory. */
const TRANSLATION_BUFFER_MIB = 128;

/** QEMU's own heap and video memory, the agent (a Node process), and page cache that can't be dropped while it works. */
const OVERHEAD_MIB = 256;

/** Memory of the guest in whole MiB: QEMU takes no fractions. */
export function guestMemoryMiB(spec: EmulatorSpec): number {
  return Math.floor((parseQuantity(spec.machine.memory) ?? 0) / MIB);
}

/** The smallest memory limit with which a machine can't be killed for memory that it was promised. */
export function requiredMemoryMiB(spec: EmulatorSpec): number {
  return guestMemoryMiB(spec) + TRANSLATION_BUFFER_MIB + OVERHEAD_MIB;
}
