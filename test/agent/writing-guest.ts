import { readFile } from 'node:fs/promises';
import { execa } from 'execa';
import { z } from 'zod';
import {
  assemble,
  HEAR_BUTTON,
  makeDisk,
  type Piece,
  SETUP,
  SWITCH_OFF,
  say,
  TEST_BUTTON,
  text,
  word,
} from './boot-sector.ts';

const SECTORS_IN_CLUSTER = 128;
const CLUSTER_BYTES = SECTORS_IN_CLUSTER * 512;
const FIRST_CLUSTER = 16;

/** Each so many writes the guest says on the serial line how many it has done: `W` and four hexadecimal digits. */
const REPORTED_EVERY = 16;

export interface WritingGuest {
  /** How many writes it does before it says `DONE` and rests; each takes 64 KiB of the volume. */
  readonly writes: number;
  /** Whether it switches itself off at the button, or rests only when all is written. */
  readonly obeysButton: boolean;
}

/**
 * A disk whose boot program writes through the BIOS, without ever a flush, one sector into each cluster of 64 KiB that
 * wasn't used before: the number of the write.
 */
export function makeWritingGuest(folder: string, name: string, guest: WritingGuest): Promise<string> {
  return makeDisk(folder, name, assemble(program(guest)), (FIRST_CLUSTER + guest.writes + 1) * CLUSTER_BYTES);
}

function program({ writes, obeysButton }: WritingGuest): readonly Piece[] {
  return [
    ...SETUP,
    ...HEAR_BUTTON,
    ...say('greeting', 'greet'),
    { label: 'next' },
    [0xb8, 0x00, 0x10, 0x8e, 0xc0, 0xa1], // mov ax,0x1000; mov es,ax; mov ax,[count]
    { address: 'count' },
    [0x26, 0xa3, 0x00, 0x00, 0xbe], // mov [es:0],ax; mov si,packet
    { address: 'packet' },
    [0xb8, 0x00, 0x43, 0xb2, 0x80, 0xcd, 0x13, 0x72], // mov ax,0x4300; mov dl,0x80; int 0x13; jc rest
    { near: 'rest' },
    [0xa1], // mov ax,[count]
    { address: 'count' },
    [0xa8, REPORTED_EVERY - 1, 0x75], // test al,15; jnz counted
    { near: 'counted' },
    ...SAY_COUNT,
    { label: 'counted' },
    [0xff, 0x06], // inc word [count]
    { address: 'count' },
    [0x81, 0x06], // add word [sector],128
    { address: 'sector' },
    word(SECTORS_IN_CLUSTER),
    [0x83, 0x16], // adc word [sector+2],0
    { address: 'sector-high' },
    [0x00, 0x81, 0x3e], // cmp word [count],writes
    { address: 'count' },
    word(writes),
    [0x73], // jae done
    { near: 'done' },
    ...(obeysButton ? [...TEST_BUTTON, [0x75], { near: 'off' }] : []), // jnz off
    [0xe9], // jmp next
    { far: 'next' },
    { label: 'done' },
    ...say('end', 'done'),
    { label: 'rest' },
    [0xfb, 0xf4], // sti; hlt
    ...TEST_BUTTON,
    [0x74], // jz rest
    { near: 'rest' },
    { label: 'off' },
    ...SWITCH_OFF,
    { label: 'count' },
    word(0),
    { label: 'packet' }, // 16 bytes: size, sectors, offset, segment, first sector
    [0x10, 0x00, 0x01, 0x00, 0x00, 0x00, 0x00, 0x10],
    { label: 'sector' },
    word(FIRST_CLUSTER * SECTORS_IN_CLUSTER),
    { label: 'sector-high' },
    [0, 0, 0, 0, 0, 0],
    { label: 'greeting' },
    [...text('WRITER up\r\n'), 0],
    { label: 'end' },
    [...text('DONE\r\n'), 0],
  ];
}

const SAY_COUNT: readonly Piece[] = [
  [0x50, 0xba, 0xf8, 0x03, 0xb0, 0x57, 0xee, 0x58, 0xb9, 0x04, 0x00], // push ax; mov dx,0x3f8; mov al,'W'; out dx,al; pop ax; mov cx,4
  { label: 'digit' },
  [0xc1, 0xc0, 0x04, 0x50, 0x24, 0x0f, 0x04, 0x30, 0x3c, 0x39], // rol ax,4; push ax; and al,15; add al,'0'; cmp al,'9'
  [0x76, 0x02, 0x04, 0x07, 0xee, 0x58, 0xe2], // jbe +2; add al,7; out dx,al; pop ax; loop digit
  { near: 'digit' },
  [0xb0, 0x0a, 0xee], // mov al,10; out dx,al
];

/** The numbers of writes that the guest has said are done, out of the agent's log, with the time of each. */
export function reportedWrites(
  logged: readonly Record<string, unknown>[],
): { readonly number: number; readonly at: number }[] {
  return logged.flatMap(({ serial, time }) => {
    const digits = /^W([0-9A-F]{4})$/.exec(String(serial))?.[1];
    return digits === undefined ? [] : [{ number: Number.parseInt(digits, 16), at: Number(time) }];
  });
}

const mapSchema = z.array(z.object({ start: z.int(), length: z.int(), data: z.boolean(), offset: z.int().optional() }));

/** Which of the guest's writes are on the disk, as QEMU finds them there: the numbers that are where they belong. */
export async function writesOnDisk(disk: string): Promise<ReadonlySet<number>> {
  const map = await execa('qemu-img', ['map', '--output=json', '-f', 'qcow2', disk]);
  const bytes = await readFile(disk);
  const found = new Set<number>();
  for (const { start, length, data, offset } of mapSchema.parse(JSON.parse(map.stdout))) {
    if (!data || offset === undefined) continue;
    for (let at = 0; at < length; at += CLUSTER_BYTES) {
      const number = (start + at) / CLUSTER_BYTES - FIRST_CLUSTER;
      if (number >= 0 && offset + at + 2 <= bytes.length && bytes.readUInt16LE(offset + at) === number) {
        found.add(number);
      }
    }
  }
  return found;
}
