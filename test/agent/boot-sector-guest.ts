import { assemble, makeDisk, type Piece, text } from './boot-sector.ts';

/**
 * A guest of 512 bytes that boots in a second: it reads 100 KiB from its disk like a real boot program, says
 * `TINY-GUEST up` on screen and serial line, and then obeys the ACPI power button and single letters on the serial
 * line: `p` power off, `r` reboot, `i` ignore the button (and say `I`), `g` graphics mode 640x480 with something in it.
 *
 * It stands in for an operating system where a test is about the agent, not about the guest.
 */
export async function makeBootSectorGuest(folder: string): Promise<string> {
  return makeDisk(folder, 'tiny-guest', assemble(program()));
}

/** The same guest, which has a lot to do between its boot program and the moment from which it hears the button: 4 s. */
export async function makeSlowGuest(folder: string): Promise<string> {
  return makeDisk(folder, 'slow-guest', assemble(program(WAIT)));
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

/** 73 ticks of 55 ms. */
const WAIT: readonly Piece[] = [
  [0xb9, 73, 0x00], // mov cx,73
  { label: 'tick' },
  [0xfb, 0xf4, 0xe2], // sti; hlt; loop tick
  { near: 'tick' },
];

/** 16-bit code; ports: 0x3f8 serial line, 0x600 ACPI (status, enable, control as SeaBIOS places them on the PIIX4). */
const program = (beforeButton: readonly Piece[] = []): readonly Piece[] => [
  [0xfa, 0x31, 0xc0, 0x8e, 0xd8, 0x8e, 0xc0, 0x8e, 0xd0], // cli; xor ax,ax; mov ds,ax; mov es,ax; mov ss,ax
  [0xbc, 0x00, 0x7c, 0xfb], // mov sp,0x7c00; sti
  [0xbe], // mov si,packet
  { address: 'packet' },
  [0xb4, 0x42, 0xcd, 0x13], // mov ah,0x42; int 0x13: reads 100 sectors
  [0xb4, 0x42, 0xcd, 0x13], // and once more
  ...beforeButton,
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
