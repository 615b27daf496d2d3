import type { Picture } from './screen.ts';

/**
 * What a system leaves on a text screen when it has ended and can't switch the machine off: Windows 98 without its
 * picture, and Linux. At the start of the line, so that a text which only speaks of it isn't taken for it.
 */
const LAST_WORDS = /^It's now safe to turn off your computer|^(\[ *\d+\.\d+\] )?(reboot: )?System halted\.?$/i;

/** DOS says so of a crash, with a line of which the second is the same as a system's last word. */
const CRASH_ABOVE = /stack overflow/i;

/** What may stand below: how to start again. */
const HOW_TO_RESTART = /ctrl\s*\+\s*alt\s*\+\s*del/i;

/** Whether the lines of a text screen, without empty ones, end with a system's word that it is safe to switch off. */
export function endsWithLastWords(lines: readonly string[]): boolean {
  return isLastWord(lines, HOW_TO_RESTART.test(lines.at(-1) ?? '') ? lines.length - 2 : lines.length - 1);
}

/** Whether that word is on one of the lines. Enough only where nothing can come after it any more. */
export function hasLastWords(lines: readonly string[]): boolean {
  return lines.some((_line, at) => isLastWord(lines, at));
}

function isLastWord(lines: readonly string[], at: number): boolean {
  return LAST_WORDS.test((lines[at] ?? '').trim()) && !CRASH_ABOVE.test(lines[at - 1] ?? '');
}

/** Sizes in which QEMU shows a logo of 320x400 pixels in 256 colours (LOGOS.SYS); two of them are sizes of text too. */
const LOGO_SIZES: ReadonlySet<string> = new Set(['320x400', '640x400', '720x400']);

const BLACK_BELOW = 0x20;
const BRIGHT_FROM = 0xc0;

/** Of all pixels; the letters of the English picture take about a twentieth. */
const BLACK_SHARE = 0.7;
const ORANGE_SHARE = 0.005;
/** Of the pixels that aren't black. Where letters end, shades may be of any colour. */
const ORANGE_OF_LIT_SHARE = 0.9;

/**
 * Whether this is Windows 98's picture "It's now safe to turn off your computer": orange letters on black, whatever
 * the language. To be asked only of a screen in graphics: text may have any colour.
 */
export function isPowerOffPicture({ width, height, pixels }: Picture): boolean {
  if (!LOGO_SIZES.has(`${width}x${height}`)) {
    return false;
  }
  let lit = 0;
  let orange = 0;
  let bright = 0;
  for (let at = 0; at < pixels.length; at += 3) {
    const [red = 0, green = 0, blue = 0] = [pixels[at], pixels[at + 1], pixels[at + 2]];
    if (Math.max(red, green, blue) < BLACK_BELOW) {
      continue;
    }
    lit += 1;
    if (isOrange(red, green, blue)) {
      orange += 1;
      bright += red >= BRIGHT_FROM ? 1 : 0;
    }
  }
  const all = width * height;
  return (
    lit <= all * (1 - BLACK_SHARE) &&
    orange >= lit * ORANGE_OF_LIT_SHARE &&
    orange >= all * ORANGE_SHARE &&
    bright >= orange / 4
  );
}

/** A hue of 10 to 50 degrees, far from grey. */
function isOrange(red: number, green: number, blue: number): boolean {
  const share = (green - blue) / (red - blue);
  return red > green && green > blue - 1 && red - blue >= red / 2 && share >= 10 / 60 && share <= 50 / 60;
}
