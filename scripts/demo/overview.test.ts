import { PNG } from 'pngjs';
import { expect, it } from 'vitest';
import { overview } from './overview.ts';

function screen(width: number, height: number, colour: number): Uint8Array {
  const picture = new PNG({ width, height });
  for (let at = 0; at < picture.data.length; at += 4) picture.data.writeUInt32BE(colour, at);
  return PNG.sync.write(picture);
}

it('the overview shows the upper left of each screen in order, whatever their sizes', () => {
  const picture = PNG.sync.read(Buffer.from(overview([screen(720, 400, 0xff0000ff), screen(320, 100, 0x00ff00ff)])));
  expect([picture.width, picture.height]).toEqual([728, 112]);
  const colourAt = (x: number, y: number) => picture.data.readUInt32BE((y * picture.width + x) * 4);
  expect(colourAt(0, 0)).toBe(0xff0000ff);
  expect(colourAt(364, 50)).toBe(0xffffffff);
  expect(colourAt(368, 0)).toBe(0x00ff00ff);
});
