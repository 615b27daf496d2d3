import fc from 'fast-check';
import { expect, test } from 'vitest';
import { readLines, readText } from './response-text.ts';

async function* chunksOf(bytes: Buffer, cuts: readonly number[]): AsyncGenerator<Buffer> {
  const places = [0, ...cuts.map((cut) => cut % (bytes.length + 1)), bytes.length].sort((left, right) => left - right);
  for (const [index, from] of places.slice(0, -1).entries()) yield bytes.subarray(from, places[index + 1]);
}

async function linesOf(stream: AsyncIterable<Buffer>): Promise<string[]> {
  const lines: string[] = [];
  for await (const line of readLines(stream)) lines.push(line);
  return lines;
}

const line = fc.string({ unit: 'grapheme', minLength: 1 }).filter((text) => !text.includes('\n'));
const cuts = fc.array(fc.nat(), { maxLength: 8 });

test('wherever a network cuts a stream, its lines and its text arrive whole, in the middle of a character too', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(line), cuts, async (lines, at) => {
      const text = lines.map((each) => `${each}\n`).join('');
      expect(await linesOf(chunksOf(Buffer.from(text), at))).toEqual(lines);
      expect(await readText(chunksOf(Buffer.from(text), at))).toBe(text);
    }),
  );
});

test('a last line without its end is dropped, and so are empty ones', async () => {
  expect(await linesOf(chunksOf(Buffer.from('one\n\ntwo\nthr'), []))).toEqual(['one', 'two']);
});
