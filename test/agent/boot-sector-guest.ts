import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { execa } from 'execa';

/**
 * A guest of 512 bytes that boots in a second: it reads 100 KiB from its disk like a real boot program, says
 * `TINY-GUEST up` on screen and serial line, and then obeys the ACPI power button and single letters on the serial
 * line: `p` power off, `r` reboot, `i` ignore the button (and say `I`), `g` graphics mode 640x480 with something in it.
 *
 * It stands in for an operating system where a test is about the agent, not about the guest.
 */
export async function makeBootSectorGuest(folder: string): Promise<string> {
  return makeDisk(folder, 'tiny-guest', assemble(PROGRAM));
}

/** A disk without a boot sector. */
export async function makeBlankDisk(folder: string): Promise<string> {
  return makeDisk(folder, 'blank', Buffer.alloc(512));
}

/** A disk that the BIOS takes for bootable, with a program that does nothing for ever. */
export async function makeGarbageDisk(folder: string): Promise<string> {
  return makeDisk(folder, 'garbage', assemble([[0xeb, 0xfe]])); // jmp to itself
}

/** A disk whose program resets the machine at once, again and again. */
export async function makeResettingDisk(folder: string): Promise<string> {
  return makeDisk(folder, 'resetting', assemble([[0xb0, 0xfe, 0xe6, 0x64, 0xf4]])); // mov al,0xfe; out 0x64,al; hlt
}

async function makeDisk(folder: string, name: string, bootSector: Buffer): Promise<string> {
  const raw = path.join(folder, `${name}.raw`);
  const qcow2 = path.join(folder, `${name}.qcow2`);
  const content = Buffer.alloc(4 * 1024 * 1024);
  bootSector.copy(content);
  await writeFile(raw, content);
  await execa('qemu-img', ['convert', '-f', 'raw', '-O', 'qcow2', raw, qcow2]);
  return qcow2;
}

/** Bytes, a label of this place, or a reference to a label: relative in one byte, absolute in two. */
type Piece = readonly number[] | { readonly label: string } | { readonly near: string } | { readonly address: string };

const ORIGIN = 0x7c00;

function assemble(program: readonly Piece[]): Buffer {
  const labels = new Map<string, number>();
  let at = 0;
  for (const piece of program) {
    if ('label' in piece) {
      labels.set(piece.label, at);
    }
    at += lengthOf(piece);
  }
  const bytes = program.flatMap((piece, index) => {
    const end = program.slice(0, index + 1).reduce((sum, each) => sum + lengthOf(each), 0);
    return encode(piece, end, labels);
  });
  const sector = Buffer.alloc(512);
  Buffer.from(bytes).copy(sector);
  sector.writeUInt16LE(0xaa55, 510);
  return sector;
}

function lengthOf(piece: Piece): number {
  if ('label' in piece) {
    return 0;
  }
  if ('near' in piece) {
    return 1;
  }
  return 'address' in piece ? 2 : piece.length;
}

function encode(piece: Piece, end: number, labels: ReadonlyMap<string, number>): readonly number[] {
  if ('near' in piece) {
    return [((labels.get(piece.near) ?? 0) - end) & 0xff];
  }
  if ('address' in piece) {
    const address = ORIGIN + (labels.get(piece.address) ?? 0);
    return [address & 0xff, address >> 8];
  }
  return 'label' in piece ? [] : piece;
}

const text = (words: string) => [...Buffer.from(words, 'latin1')];

/** 16-bit code; ports: 0x3f8 serial line, 0x600 ACPI (status, enable, control as SeaBIOS places them on the PIIX4). */
const PROGRAM: readonly Piece[] = [
  [0xfa, 0x31, 0xc0, 0x8e, 0xd8, 0x8e, 0xc0, 0x8e, 0xd0], // cli; xor ax,ax; mov ds,ax; mov es,ax; mov ss,ax
  [0xbc, 0x00, 0x7c, 0xfb], // mov sp,0x7c00; sti
  [0xbe], // mov si,packet
  { address: 'packet' },
  [0xb4, 0x42, 0xcd, 0x13], // mov ah,0x42; int 0x13: reads 100 sectors
  [0xb4, 0x42, 0xcd, 0x13], // and once more
  [0xba, 0x02, 0x06, 0xb8, 0x00, 0x01, 0xef], // mov dx,0x602; mov ax,0x100; out dx,ax: hear the button
  [0xbe], // mov si,greeting
  { address: 'greeting' },
  { label: 'print' },
  [0xac, 0x84, 0xc0, 0x74], // lodsb; test al,al; jz poll
  { near: 'poll' },
  [0x50, 0xb4, 0x0e, 0xbb, 0x07, 0x00, 0xcd, 0x10, 0x58], // push ax; mov ah,0x0e; mov bx,7; int 0x10; pop ax
  [0xba, 0xf8, 0x03, 0xee, 0xeb], // mov dx,0x3f8; out dx,al; jmp print
  { near: 'print' },
  { label: 'poll' },
  [0xfb, 0xf4], // sti; hlt: until the next tick
  [0xba, 0x00, 0x06, 0xed, 0xf6, 0xc4, 0x01, 0x74], // mov dx,0x600; in ax,dx; test ah,1; jz letters
  { near: 'letters' },
  [0x80, 0x3e], // cmp byte [ignoring],0
  { address: 'ignoring' },
  [0x00, 0x74], // jz off
  { near: 'off' },
  { label: 'letters' },
  [0xba, 0xfd, 0x03, 0xec, 0xa8, 0x01, 0x74], // mov dx,0x3fd; in al,dx; test al,1; jz poll
  { near: 'poll' },
  [0xba, 0xf8, 0x03, 0xec], // mov dx,0x3f8; in al,dx
  [0x3c, 0x70, 0x74], // cmp al,'p'; jz off
  { near: 'off' },
  [0x3c, 0x72, 0x74], // cmp al,'r'; jz reboot
  { near: 'reboot' },
  [0x3c, 0x69, 0x74], // cmp al,'i'; jz ignore
  { near: 'ignore' },
  [0x3c, 0x67, 0x74], // cmp al,'g'; jz graphics
  { near: 'graphics' },
  [0xeb],
  { near: 'poll' },
  { label: 'off' },
  [0xba, 0x04, 0x06, 0xb8, 0x00, 0x20, 0xef, 0xf4], // mov dx,0x604; mov ax,0x2000; out dx,ax; hlt
  { label: 'reboot' },
  [0xb0, 0xfe, 0xe6, 0x64, 0xf4], // mov al,0xfe; out 0x64,al; hlt
  { label: 'ignore' },
  [0xc6, 0x06], // mov byte [ignoring],1
  { address: 'ignoring' },
  [0x01, 0xba, 0xf8, 0x03], // mov dx,0x3f8
  [0xb0, 0x49, 0xee, 0xb0, 0x0a, 0xee, 0xeb], // mov al,'I'; out dx,al; mov al,10; out dx,al; jmp poll
  { near: 'poll' },
  { label: 'graphics' },
  [0xb8, 0x02, 0x4f, 0xbb, 0x01, 0x01, 0xcd, 0x10], // mov ax,0x4f02; mov bx,0x101; int 0x10: VESA 640x480x256
  [0xb8, 0x00, 0xa0, 0x8e, 0xc0, 0x31, 0xff], // mov ax,0xa000; mov es,ax; xor di,di
  [0xb0, 0x0f, 0xb9, 0x00, 0x40, 0xf3, 0xaa, 0xeb], // mov al,15; mov cx,0x4000; rep stosb; jmp poll
  { near: 'poll' },
  { label: 'ignoring' },
  [0x00],
  { label: 'packet' }, // 16 bytes: size, sectors, offset, segment, first sector
  [0x10, 0x00, 100, 0x00, 0x00, 0x00, 0x00, 0x10, 0, 0, 0, 0, 0, 0, 0, 0],
  { label: 'greeting' },
  [...text('TINY-GUEST up\r\n'), 0],
];
