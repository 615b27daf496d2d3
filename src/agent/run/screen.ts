import { failed, type Result, success } from '../failure.ts';

/** What is on the screen, as far as it tells how far the guest is. */
export interface Screen {
  readonly width: number;
  readonly height: number;
  /** `Text`: one of VGA's text modes. `Low`: graphics below 640x480, as boot logos and DOS games use. */
  readonly mode: 'Text' | 'Low' | 'Graphics';
  readonly oneColour: boolean;
}

const TEXT_SIZES: ReadonlySet<string> = new Set(['720x400', '640x400', '720x350', '640x350']);
const TEXT_COLUMNS = 80;
const BYTES_PER_PIXEL = 3;

/** A picture of 3 bytes (red, green, blue) a pixel, rows from top to bottom. */
export interface Picture {
  readonly width: number;
  readonly height: number;
  readonly pixels: Buffer;
}

/** Reads a screendump (binary PPM with 8 bits a channel). Fails with `ScreendumpInvalid`. */
export function readPicture(ppm: Buffer): Result<Picture> {
  const header = /^P6\s+(\d{1,5})\s+(\d{1,5})\s+255\s/.exec(ppm.subarray(0, 64).toString('latin1'));
  const width = Number(header?.[1]);
  const height = Number(header?.[2]);
  const pixels = ppm.subarray(header?.[0].length ?? 0);
  if (header === null || pixels.length < width * height * BYTES_PER_PIXEL || width * height === 0) {
    return failed('ScreendumpInvalid', `QEMU's screendump of ${ppm.length} bytes isn't a whole picture.`);
  }
  return success({ width, height, pixels: pixels.subarray(0, width * height * BYTES_PER_PIXEL) });
}

/** What a picture tells of how far the guest is. */
export function classifyScreen({ width, height, pixels }: Picture): Screen {
  return { width, height, mode: modeOf(width, height), oneColour: isOneColour(pixels) };
}

/** Also the size of a boot logo (320x400 in 256 colours), which VGA stretches to 640x400. */
function modeOf(width: number, height: number): Screen['mode'] {
  if (TEXT_SIZES.has(`${width}x${height}`)) {
    return 'Text';
  }
  return width >= 640 && height >= 480 ? 'Graphics' : 'Low';
}

/** Every pixel is like the one before it: the picture is the same when moved by one pixel. */
function isOneColour(pixels: Buffer): boolean {
  return pixels.subarray(BYTES_PER_PIXEL).equals(pixels.subarray(0, -BYTES_PER_PIXEL));
}

/** The monitor command that prints the memory of VGA's colour text mode: 2,000 cells of character and attribute. */
export const TEXT_MEMORY_COMMAND = 'xp /1000wx 0xb8000';

/** The same for all of that memory. Linux scrolls by showing another part of it, which the monitor doesn't tell. */
export const ALL_TEXT_MEMORY_COMMAND = 'xp /8192wx 0xb8000';

/** The first cells of the memory of VGA's text modes, monochrome and colour. */
export const TEXT_CELL_COMMANDS = ['xp /1wx 0xb0000', 'xp /1wx 0xb8000'] as const;

/** Whether what such a command printed is memory that isn't there, as in a graphics mode that has all of its own. */
export function isUnmapped(printed: string): boolean {
  return / 0xffffffff\s*$/.test(printed);
}

/** The lines of the text screen out of what such a command printed, without empty ones. */
export function textLines(printed: string): string[] {
  const words = [...printed.matchAll(/ 0x([0-9a-f]{8})/g)].map((match) => Number.parseInt(match[1] ?? '0', 16));
  const characters = words.flatMap((word) => [word & 0xff, (word >>> 16) & 0xff]);
  const lines: string[] = [];
  for (let start = 0; start < characters.length; start += TEXT_COLUMNS) {
    const codes = characters.slice(start, start + TEXT_COLUMNS);
    const line = codes.map((code) => (code >= 0x20 && code < 0x7f ? String.fromCharCode(code) : ' ')).join('');
    lines.push(line.trimEnd());
  }
  return lines.filter((line) => line !== '');
}
