import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LineCutter } from './serial-line.ts';

function cut(pieces: readonly string[]): string[] {
  const lines: string[] = [];
  const cutter = new LineCutter((line) => lines.push(line));
  for (const piece of pieces) {
    cutter.push(piece);
  }
  cutter.end();
  return lines;
}

describe("the guest's serial line", () => {
  it('is cut into lines, whatever ends them and wherever the pieces end', () => {
    expect(cut(['one\r', '\ntw', 'o\n\nthree\rfour'])).toEqual(['one', 'two', 'three', 'four']);
  });

  it('is cut at 1,000 characters where nothing ends a line', () => {
    expect(cut(['x'.repeat(2500)]).map((line) => line.length)).toEqual([1000, 1000, 500]);
  });

  it('gives the same lines however it comes in pieces', () => {
    const letters = fc.constantFrom('a', 'b', '\r', '\n');
    fc.assert(
      fc.property(fc.array(fc.string({ unit: letters, maxLength: 8 })), (pieces) => {
        expect(cut(pieces)).toEqual(cut([pieces.join('')]));
      }),
    );
  });
});
