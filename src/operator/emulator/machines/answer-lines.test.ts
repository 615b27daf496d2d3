import fc from 'fast-check';
import { expect, test, vi } from 'vitest';
import { AnswerLines } from './answer-lines.ts';

/** What is heard of an answer that comes in these pieces. */
function hear(...pieces: Buffer[]) {
  const heard: (number | string)[] = [];
  const answer = new AnswerLines({ onStatus: (code) => heard.push(code), onLine: (line) => heard.push(line) });
  for (const piece of pieces) answer.accept(piece.toString('latin1'));
  return { heard, answer };
}

function text(...lines: string[]): Buffer {
  return Buffer.from(lines.join('\r\n'));
}

/** Cuts bytes at these places. */
function cut(bytes: Buffer, places: readonly number[]): Buffer[] {
  const ends = [...places.map((place) => place % (bytes.length + 1)).sort((a, b) => a - b), bytes.length];
  return ends.map((end, index) => bytes.subarray(ends[index - 1] ?? 0, end));
}

const lines = fc.array(fc.string({ unit: 'grapheme', maxLength: 20 }).map((line) => line.replaceAll('\n', '')));
const places = fc.array(fc.nat(), { maxLength: 8 });
const body = (all: readonly string[]): Buffer => Buffer.from(all.map((line) => `${line}\n`).join(''));

test('an answer as a whole is its lines, wherever it is cut', () => {
  fc.assert(
    fc.property(lines, places, (all, at) => {
      const bytes = Buffer.concat([text('HTTP/1.1 200 OK', 'Content-Type: text/plain', '', ''), body(all)]);
      const { heard, answer } = hear(...cut(bytes, at));
      expect(heard).toEqual([200, ...all]);
      expect(answer.hasEnded).toBe(false);
    }),
  );
});

test('an answer in chunks is its lines, wherever chunks and packets are cut', () => {
  fc.assert(
    fc.property(lines, places, places, (all, chunksAt, at) => {
      const chunks = cut(body(all), chunksAt)
        .filter(({ length }) => length > 0)
        .flatMap((chunk) => [Buffer.from(`${chunk.length.toString(16)}\r\n`), chunk, text('', '')]);
      const head = text('HTTP/1.1 200 OK', 'transfer-encoding: chunked', 'x: y', '', '');
      const { heard, answer } = hear(...cut(Buffer.concat([head, ...chunks, text('0', '', '')]), at));
      expect(heard).toEqual([200, ...all]);
      expect(answer.hasEnded).toBe(true);
    }),
  );
});

test('sizes of chunks may be written large, with extensions, and trailers are passed over', () => {
  const head = text('HTTP/1.1 200 OK', 'Transfer-Encoding:chunked', '', '');
  const { heard } = hear(head, text('A;name=value', '123456789\n', '0', 'Trailer: x', '', 'more\n'));
  expect(heard).toEqual([200, '123456789']);
});

test('a line without its end isn’t told of', () => {
  expect(hear(text('HTTP/1.0 200', '', 'a\nb')).heard).toEqual([200, 'a']);
});

test('other answers have their status as well', () => {
  expect(hear(text('HTTP/1.1 401 Unauthorized', 'Content-Length: 0', '', '')).heard).toEqual([401]);
});

test('an answer that its connection cut is told apart from one that has ended', () => {
  const chunked = ['HTTP/1.1 200 OK', 'Transfer-Encoding: chunked', ''];
  const end =
    (...all: string[]) =>
    (): void =>
      hear(text(...all)).answer.end();
  expect(end('HTTP/1.1 200 OK', 'Content-')).toThrow('without an answer');
  for (const rest of [[''], ['5', 'ab'], ['2', 'ab'], ['2', 'ab', '']]) {
    expect(end(...chunked, ...rest)).toThrow('in the middle');
  }
  expect(end(...chunked, '2', 'ab', '0', '')).not.toThrow();
  expect(end('HTTP/1.1 200 OK', '', 'ab')).not.toThrow();
});

test('a long line in tiny chunks isn’t looked through again for each of them', () => {
  const length = 5_000;
  const chunks = '1\r\nx\r\n'.repeat(length);
  const bytes = Buffer.concat([
    text('HTTP/1.1 200 OK', 'Transfer-Encoding: chunked', '', chunks),
    text('1', '\n', '0', '', ''),
  ]);
  let looked = 0;
  const { split } = String.prototype;
  const spy = vi.spyOn(String.prototype, 'split').mockImplementation(function (this: string, ...args) {
    looked += this.length;
    return Reflect.apply(split, this, args);
  });
  const { heard } = hear(bytes);
  spy.mockRestore();
  expect(heard).toEqual([200, 'x'.repeat(length)]);
  expect(looked).toBeGreaterThan(length);
  expect(looked).toBeLessThan(10 * bytes.length);
});

test.each<[string, Buffer, string]>([
  ['another protocol', text('220 smtp.example ready', '', ''), 'is not HTTP'],
  ['a chunk without a size', text('HTTP/1.1 200 OK', 'Transfer-Encoding: chunked', '', 'x', ''), 'without a size'],
  ['a size in words', text('HTTP/1.1 200 OK', 'Transfer-Encoding: chunked', '', '5 apples', ''), 'without a size'],
  [
    'a chunk that goes on',
    text('HTTP/1.1 200 OK', 'Transfer-Encoding: chunked', '', '2', 'abcd', ''),
    'longer than its size',
  ],
  ['headers without an end', text('HTTP/1.1 200 OK', `x: ${'y'.repeat(300_000)}`), 'without the end'],
  ['a line without an end', text('HTTP/1.1 200 OK', '', 'y'.repeat(300_000)), 'without the end'],
])('%s is refused', (_, bytes, message) => {
  expect(() => hear(bytes)).toThrow(message);
});
