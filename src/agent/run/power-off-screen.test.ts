import { describe, expect, it } from 'vitest';
import { endsWithLastWords, hasLastWords, isPowerOffPicture } from './power-off-screen.ts';
import type { Picture } from './screen.ts';

type Colour = readonly [number, number, number];

/** Black, with a bar of this share of the picture in one colour after the other. */
function picture(width: number, height: number, bars: readonly (readonly [number, Colour])[]): Picture {
  const pixels = Buffer.alloc(width * height * 3);
  let at = 0;
  for (const [share, colour] of bars) {
    const end = at + Math.floor(width * height * share) * 3;
    for (; at < end; at += 3) pixels.set(colour, at);
  }
  return { width, height, pixels };
}

const ORANGE: Colour = [255, 130, 0];

describe("Windows 98's last picture", () => {
  it.each([
    ['as VGA stretches it', picture(640, 400, [[0.05, ORANGE]])],
    ['as it is stored', picture(320, 400, [[0.05, ORANGE]])],
    [
      'with darker edges',
      picture(640, 400, [
        [0.03, ORANGE],
        [0.03, [130, 60, 10]],
      ]),
    ],
    [
      'with a few other pixels',
      picture(640, 400, [
        [0.05, ORANGE],
        [0.004, [90, 90, 90]],
      ]),
    ],
  ])('is orange on black, %s', (_how, seen) => {
    expect(isPowerOffPicture(seen)).toBe(true);
  });

  it.each([
    ['black alone', picture(640, 400, [])],
    ['a few orange pixels', picture(640, 400, [[0.001, ORANGE]])],
    ['orange all over', picture(640, 400, [[0.5, ORANGE]])],
    ['brown text', picture(640, 400, [[0.05, [170, 85, 0]]])],
    ['red', picture(640, 400, [[0.05, [255, 0, 0]]])],
    ['yellow', picture(640, 400, [[0.05, [255, 255, 85]]])],
    ['white', picture(640, 400, [[0.05, [255, 255, 255]]])],
    [
      'orange among other colours',
      picture(640, 400, [
        [0.05, ORANGE],
        [0.05, [0, 0, 255]],
      ]),
    ],
    ['a desktop', picture(640, 480, [[0.05, ORANGE]])],
  ])('is not %s', (_what, seen) => {
    expect(isPowerOffPicture(seen)).toBe(false);
  });
});

describe('the last words of a system', () => {
  const WINDOWS = "       It's now safe to turn off your computer.";

  it.each([
    [[WINDOWS]],
    [['Windows', WINDOWS]],
    [[WINDOWS, 'If you want to restart your computer, press CTRL+ALT+DEL.']],
    [['reboot: System halted']],
    [['[   12.34] System halted']],
  ])('are the last line: %j', (lines) => {
    expect(endsWithLastWords(lines)).toBe(true);
  });

  it.each([
    [[]],
    [[WINDOWS, 'C:\\>']],
    [[`C:\\>echo${WINDOWS}`]],
    [['The manual says: System halted']],
    [['Internal stack overflow', 'System halted']],
    [['Press CTRL+ALT+DEL']],
  ])('are not spoken by %j', (lines) => {
    expect(endsWithLastWords(lines)).toBe(false);
  });

  it('are anywhere where nothing can follow', () => {
    expect(hasLastWords(['reboot: System halted', 'older text'])).toBe(true);
    expect(hasLastWords(['C:\\>'])).toBe(false);
    expect(hasLastWords(['Internal stack overflow', 'System halted'])).toBe(false);
  });
});
