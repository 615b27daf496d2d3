import { PNG } from 'pngjs';

/** The part of a screen in which the guest's lines stand, in pixels. */
const CROP = { width: 360, height: 112 };
const GAP = 8;

/** The upper left parts of screens, side by side in the order given, as one PNG. */
export function overview(screens: readonly Uint8Array[]): Uint8Array {
  const picture = new PNG({ width: screens.length * (CROP.width + GAP) - GAP, height: CROP.height });
  picture.data.fill(0xff);
  for (const [index, screen] of screens.entries()) {
    const source = PNG.sync.read(Buffer.from(screen));
    const width = Math.min(CROP.width, source.width);
    const height = Math.min(CROP.height, source.height);
    PNG.bitblt(source, picture, 0, 0, width, height, index * (CROP.width + GAP), 0);
  }
  return PNG.sync.write(picture);
}
