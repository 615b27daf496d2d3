import { MIB } from '../../quantity.ts';
import type { Observed } from '../observed.ts';
import { REASONS } from '../reasons.ts';
import { requiredMemoryMiB } from '../render/memory.ts';
import { tooSmallMemoryLimit } from '../render/pod-template.ts';
import type { Block } from './block.ts';

/** Is the memory limit that the user gave enough for what the machine may use? A smaller one is an OOM kill to come. */
export function checkMemoryLimit({ emulator }: Observed): Block | undefined {
  const given = tooSmallMemoryLimit(emulator.spec);
  if (given === undefined) return undefined;
  const message =
    `spec.pod.resources gives each machine ${Math.floor(given / MIB)} MiB of memory; with a guest of ` +
    `${emulator.spec.machine.memory} it needs ${requiredMemoryMiB(emulator.spec)} MiB. Raise it or leave it out.`;
  return { kind: 'Stalled', reason: REASONS.MemoryLimitTooSmall, message };
}
