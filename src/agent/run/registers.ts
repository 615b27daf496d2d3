/** Of the flags register: interrupts are taken. */
const INTERRUPTS = 0x200;

/**
 * What the monitor's `info registers` printed of the processor. `Waiting`: until an interrupt, as idle systems do.
 * `Dead`: it is halted and takes none, so that nothing of the guest happens ever again.
 */
export function processorState(registers: string): 'Working' | 'Waiting' | 'Dead' {
  if (!/\bHLT=1\b/.test(registers)) {
    return 'Working';
  }
  const flags = Number.parseInt(/\bEFL=([0-9a-f]+)/.exec(registers)?.[1] ?? '', 16);
  return (flags & INTERRUPTS) === 0 && !Number.isNaN(flags) ? 'Dead' : 'Waiting';
}

/** The linear address of the processor's next instruction; undefined when the text isn't understood. */
export function nextInstruction(registers: string): number | undefined {
  const instruction = /\bEIP=([0-9a-f]{8})/.exec(registers)?.[1];
  const segment = /^CS =[0-9a-f]{4} ([0-9a-f]{8})/m.exec(registers)?.[1];
  return instruction === undefined || segment === undefined
    ? undefined
    : (Number.parseInt(instruction, 16) + Number.parseInt(segment, 16)) % 2 ** 32;
}
