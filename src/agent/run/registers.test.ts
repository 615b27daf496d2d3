import { describe, expect, it } from 'vitest';
import { nextInstruction, processorState } from './registers.ts';

describe('a processor', () => {
  const registers = (flags: string, halted: number) =>
    `CPU#0\nEAX=0000a001\nEIP=00007c26 EFL=${flags} [-----P-] CPL=0 II=0 A20=1 SMM=0 HLT=${halted}\nES =a000`;

  it.each([
    ['00000246', 0, 'Working'],
    ['00000246', 1, 'Waiting'],
    ['00000046', 1, 'Dead'],
  ] as const)('with flags %s and HLT=%i is %s', (flags, halted, state) => {
    expect(processorState(registers(flags, halted))).toBe(state);
  });

  it('works when the monitor says something else', () => {
    expect(processorState('unknown command')).toBe('Working');
  });

  it('has its next instruction in its code segment', () => {
    const printed =
      'EIP=00000123 EFL=00000246 [---Z-P-] CPL=0\r\nES =a000 000a0000 0000ffff\r\nCS =f000 000f0000 0000ffff';
    expect(nextInstruction(printed)).toBe(0xf0123);
    expect(nextInstruction('unknown command')).toBeUndefined();
  });
});
