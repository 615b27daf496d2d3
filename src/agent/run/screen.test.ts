import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { classifyScreen, readPicture, textLines } from './screen.ts';

function ppm(width: number, height: number, paint: (pixels: Buffer) => void = () => {}): Buffer {
  const pixels = Buffer.alloc(width * height * 3);
  paint(pixels);
  return Buffer.concat([Buffer.from(`P6\n${width} ${height}\n255\n`), pixels]);
}

function classified(dump: Buffer) {
  const picture = readPicture(dump);
  return picture.ok ? classifyScreen(picture.value) : picture.failure;
}

describe('a picture of the screen', () => {
  it.each([
    [720, 400, 'Text'],
    [640, 400, 'Text'],
    [320, 200, 'Low'],
    [320, 400, 'Low'],
    [640, 479, 'Low'],
    [640, 480, 'Graphics'],
    [1024, 768, 'Graphics'],
  ])('of %ix%i is %s', (width, height, mode) => {
    expect(classified(ppm(width, height))).toMatchObject({ width, height, mode });
  });

  it('has one colour until a single pixel differs, wherever it is', () => {
    expect(classified(ppm(64, 48))).toMatchObject({ oneColour: true });
    expect(classified(ppm(64, 48, (pixels) => pixels.fill(77)))).toMatchObject({ oneColour: true });
    for (const at of [0, 1, 4000, 64 * 48 * 3 - 1]) {
      expect(classified(ppm(64, 48, (pixels) => pixels.writeUInt8(1, at)))).toMatchObject({
        oneColour: false,
      });
    }
  });

  it('is refused when it is cut or none', () => {
    expect(readPicture(ppm(64, 48).subarray(0, -1))).toMatchObject({ ok: false });
    expect(readPicture(Buffer.from('P6\n0 0\n255\n'))).toMatchObject({ ok: false });
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => {
        expect(readPicture(Buffer.from(bytes)).ok).toBe(false);
      }),
    );
  });
});

describe('the text on a text screen', () => {
  it('is read from what the monitor prints of its memory', () => {
    const words = ['0x0769_0748', '0x0720_0720'].map((word) => word.replace('_', '')).join(' ');
    const rest = Array.from({ length: 38 }, () => '0x07200720').join(' ');
    const second = ['0x07210721', ...Array.from({ length: 39 }, () => '0x0720c420')].join(' ');
    const printed = `00000000000b8000: ${words} ${rest}\r\n00000000000b80a0: ${second}\r\n`;
    expect(textLines(printed)).toEqual(['Hi', '!!']);
  });

  it('is empty when the monitor printed something else', () => {
    expect(textLines('Cannot access memory\r\n')).toEqual([]);
  });
});
