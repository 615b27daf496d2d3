import { copyFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { execa } from 'execa';

/** Bytes, a label of this place, or a reference to a label: relative in one byte or two, or absolute in two. */
export type Piece =
  | readonly number[]
  | { readonly label: string }
  | { readonly near: string }
  | { readonly far: string }
  | { readonly address: string };

const ORIGIN = 0x7c00;
const SECTOR_BYTES = 512;
const SIGNATURE_AT = 510;

/** 16-bit code as a boot sector. */
export function assemble(program: readonly Piece[]): Buffer {
  const labels = new Map<string, number>();
  let at = 0;
  for (const piece of program) {
    if ('label' in piece) labels.set(piece.label, at);
    at += lengthOf(piece);
  }
  if (at > SIGNATURE_AT) throw new Error(`The program has ${at} bytes; ${SIGNATURE_AT} fit into a boot sector.`);
  let end = 0;
  const bytes = program.flatMap((piece) => {
    end += lengthOf(piece);
    return encode(piece, end, labels);
  });
  const sector = Buffer.alloc(SECTOR_BYTES);
  Buffer.from(bytes).copy(sector);
  sector.writeUInt16LE(0xaa55, SIGNATURE_AT);
  return sector;
}

function lengthOf(piece: Piece): number {
  if ('label' in piece) return 0;
  if ('near' in piece) return 1;
  return 'address' in piece || 'far' in piece ? 2 : piece.length;
}

function encode(piece: Piece, end: number, labels: ReadonlyMap<string, number>): readonly number[] {
  const placeOf = (label: string): number => {
    const place = labels.get(label);
    if (place === undefined) throw new Error(`The program has no label ${label}.`);
    return place;
  };
  if ('near' in piece) {
    const distance = placeOf(piece.near) - end;
    if (distance < -128 || distance > 127) throw new Error(`${piece.near} is ${distance} bytes away: too far.`);
    return [distance & 0xff];
  }
  if ('far' in piece) return word(placeOf(piece.far) - end);
  if ('address' in piece) return word(ORIGIN + placeOf(piece.address));
  return 'label' in piece ? [] : piece;
}

/** Two bytes, the lower one first. */
export function word(value: number): readonly number[] {
  return [value & 0xff, (value >> 8) & 0xff];
}

export const text = (words: string): readonly number[] => [...Buffer.from(words, 'latin1')];

/** Sets the segments to 0 and the stack below the program. */
export const SETUP: readonly Piece[] = [
  [0xfa, 0x31, 0xc0, 0x8e, 0xd8, 0x8e, 0xc0, 0x8e, 0xd0], // cli; xor ax,ax; mov ds,ax; mov es,ax; mov ss,ax
  [0xbc, 0x00, 0x7c, 0xfb], // mov sp,0x7c00; sti
];

/** Hears the ACPI button; port 0x600 is where SeaBIOS places it on the PIIX4. */
export const HEAR_BUTTON: readonly Piece[] = [
  [0xba, 0x02, 0x06, 0xb8, 0x00, 0x01, 0xef], // mov dx,0x602; mov ax,0x100; out dx,ax
];

/** Tests whether the button was pressed: then the zero flag is clear. */
export const TEST_BUTTON: readonly Piece[] = [
  [0xba, 0x00, 0x06, 0xed, 0xf6, 0xc4, 0x01], // mov dx,0x600; in ax,dx; test ah,1
];

/** Switches the machine off. */
export const SWITCH_OFF: readonly Piece[] = [
  [0xba, 0x04, 0x06, 0xb8, 0x00, 0x20, 0xef, 0xf4], // mov dx,0x604; mov ax,0x2000; out dx,ax; hlt
];

/** Says the text at `label`, which ends with a zero, on screen and serial line. `name` makes the labels its own. */
export function say(label: string, name: string): readonly Piece[] {
  return [
    [0xbe], // mov si,label
    { address: label },
    { label: `${name}-next` },
    [0xac, 0x84, 0xc0, 0x74], // lodsb; test al,al; jz done
    { near: `${name}-done` },
    [0x50, 0xb4, 0x0e, 0xbb, 0x07, 0x00, 0xcd, 0x10, 0x58], // push ax; mov ah,0x0e; mov bx,7; int 0x10; pop ax
    [0xba, 0xf8, 0x03, 0xee, 0xeb], // mov dx,0x3f8; out dx,al; jmp next
    { near: `${name}-next` },
    { label: `${name}-done` },
  ];
}

/** A disk in qcow2 with this boot sector and nothing else. */
export async function makeDisk(
  folder: string,
  name: string,
  bootSector: Buffer,
  sizeBytes = 4 * 1024 ** 2,
): Promise<string> {
  const sector = path.join(folder, `${name}.sector`);
  const qcow2 = path.join(folder, `${name}.qcow2`);
  await writeFile(sector, bootSector);
  await execa('qemu-img', ['create', '-q', '-f', 'qcow2', qcow2, String(sizeBytes)]);
  await execa('qemu-io', ['-f', 'qcow2', '-c', `write -q -s ${sector} 0 ${SECTOR_BYTES}`, qcow2]);
  return qcow2;
}

/** A disk of its own for one machine, like `disk`. */
export async function copyDisk(disk: string, folder: string, name = 'win98'): Promise<string> {
  const copy = path.join(folder, `${name}.qcow2`);
  await copyFile(disk, copy);
  return copy;
}
