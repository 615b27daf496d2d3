import { assemble, HEAR_BUTTON, makeDisk, type Piece, SETUP, say, TEST_BUTTON, text, word } from './boot-sector.ts';

/** How a guest that can't switch its machine off ends: what is on its screen, and what its processor does after that. */
export interface LingeringGuest {
  readonly screen:
    | {
        readonly kind: 'Text';
        readonly lines: readonly string[];
        /** Of the text memory. */
        readonly row?: number;
        /** Of the text, 6 bits a channel. */
        readonly colour?: readonly [number, number, number];
      }
    /** 320x200 or 320x400 in 256 colours with a bar in this colour (6 bits a channel) on black. */
    | { readonly kind: 'Picture'; readonly colour: readonly [number, number, number]; readonly modeX: boolean }
    | { readonly kind: 'Black' };
  /** `Halted`: without interrupts. `Idle`: waits for them. `Spinning`: works. `Writing`: waits, and writes each second. */
  readonly rest: 'Halted' | 'Idle' | 'Spinning' | 'Writing';
}

const TEXT_ATTRIBUTE = 0x07;
const TEXT_ROW_BYTES = 160;

/** A disk whose boot program says `up` and, when the button is pressed or `e` comes on the serial line, ends so. */
export function makeLingeringGuest(folder: string, name: string, guest: LingeringGuest): Promise<string> {
  const program: readonly Piece[] = [
    ...SETUP,
    [0xbe], // mov si,packet
    { address: 'packet' },
    [0xb4, 0x42, 0xcd, 0x13, 0xb4, 0x42, 0xcd, 0x13], // mov ah,0x42; int 0x13, twice: reads 200 sectors
    ...HEAR_BUTTON,
    ...say('greeting', 'greet'),
    { label: 'poll' },
    [0xfb, 0xf4], // sti; hlt
    ...TEST_BUTTON,
    [0x75], // jnz end
    { near: 'end' },
    [0xba, 0xfd, 0x03, 0xec, 0xa8, 0x01, 0x74], // mov dx,0x3fd; in al,dx; test al,1; jz poll
    { near: 'poll' },
    { label: 'end' },
    ...paint(guest.screen),
    ...REST[guest.rest],
    { label: 'packet' },
    [0x10, 0x00, 100, 0x00, 0x00, 0x00, 0x00, 0x10, 0, 0, 0, 0, 0, 0, 0, 0],
    { label: 'greeting' },
    [...text('LINGERER up\r\n'), 0],
    { label: 'words' },
    guest.screen.kind === 'Text' ? screenMemory(guest.screen.lines) : [],
    { label: 'words-end' },
  ];
  return makeDisk(folder, name, assemble(program));
}

const REST: Readonly<Record<LingeringGuest['rest'], readonly Piece[]>> = {
  Halted: [[0xfa, 0xf4, 0xeb, 0xfc]], // cli; hlt; jmp to cli
  Idle: [[0xfb, 0xf4, 0xeb, 0xfc]], // sti; hlt; jmp to sti
  Spinning: [[0xfa, 0xeb, 0xfe]], // cli; jmp to itself
  Writing: [
    { label: 'write' },
    [0xb9, 18, 0x00], // mov cx,18: ticks of 55 ms
    { label: 'tick' },
    [0xfb, 0xf4, 0xe2], // sti; hlt; loop tick
    { near: 'tick' },
    [0xbe], // mov si,packet
    { address: 'packet' },
    [0xc6, 0x44, 0x02, 0x01, 0xc6, 0x44, 0x08, 0x64], // one sector, of number 100
    [0xb8, 0x00, 0x43, 0xb2, 0x80, 0xcd, 0x13, 0xeb], // mov ax,0x4300; mov dl,0x80; int 0x13; jmp write
    { near: 'write' },
  ],
};

/** A row of the text screen is 80 characters; of each line only what it has is written. */
function screenMemory(lines: readonly string[]): readonly number[] {
  return lines.flatMap((line) => [line.length, ...text(line)]);
}

function setColour(number: number, colour: readonly number[]): readonly Piece[] {
  return [
    [0xba, 0xc8, 0x03, 0xb0, number, 0xee, 0x42], // mov dx,0x3c8; mov al,number; out dx,al; inc dx
    ...colour.map((part) => [0xb0, part, 0xee]), // mov al,part; out dx,al
  ];
}

function paint(screen: LingeringGuest['screen']): readonly Piece[] {
  switch (screen.kind) {
    case 'Text':
      return [
        ...(screen.colour === undefined ? [] : setColour(TEXT_ATTRIBUTE, screen.colour)),
        ...writeText(screen.row ?? 10),
      ];
    case 'Black':
      return [[0xb8, 0x13, 0x00, 0xcd, 0x10]]; // mov ax,0x13; int 0x10
    case 'Picture':
      return [
        [0xb8, 0x13, 0x00, 0xcd, 0x10], // mov ax,0x13; int 0x10
        ...(screen.modeX ? UNCHAIN : []),
        ...setColour(1, screen.colour),
        [0xb8, 0x00, 0xa0, 0x8e, 0xc0, 0xbf, 0x00, 0x20], // mov ax,0xa000; mov es,ax; mov di,0x2000
        [0xb0, 0x01, 0xb9, 0x00, 0x08, 0xf3, 0xaa], // mov al,1; mov cx,0x800; rep stosb
      ];
  }
}

/** 320x400 as Windows 98 shows its logos: four planes, and no line is shown twice. */
const UNCHAIN: readonly Piece[] = [
  [0xba, 0xc4, 0x03, 0xb8, 0x04, 0x06, 0xef], // sequencer 4 = 6: chain-4 off
  [0xb8, 0x02, 0x0f, 0xef], // sequencer 2 = 15: all planes
  [0xba, 0xd4, 0x03, 0xb8, 0x14, 0x00, 0xef, 0xb8, 0x17, 0xe3, 0xef], // CRTC: byte mode
  [0xb8, 0x09, 0x40, 0xef], // CRTC 9 = 0x40: each line once
];

function writeText(row: number): readonly Piece[] {
  return [
    [0xb8, 0x00, 0xb8, 0x8e, 0xc0, 0xbb], // mov ax,0xb800; mov es,ax; mov bx,row
    word(row * TEXT_ROW_BYTES),
    [0xbe], // mov si,words
    { address: 'words' },
    { label: 'line' },
    [0x81, 0xfe], // cmp si,words-end
    { address: 'words-end' },
    [0x73], // jae written
    { near: 'written' },
    [0xac, 0x88, 0xc1, 0x30, 0xed, 0x89, 0xdf, 0xb4, TEXT_ATTRIBUTE], // lodsb; mov cl,al; xor ch,ch; mov di,bx; mov ah,7
    { label: 'character' },
    [0xac, 0xab, 0xe2], // lodsb; stosw; loop character
    { near: 'character' },
    [0x81, 0xc3, ...word(TEXT_ROW_BYTES), 0xeb], // add bx,160; jmp line
    { near: 'line' },
    { label: 'written' },
  ];
}
