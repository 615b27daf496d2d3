import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, test } from 'vitest';
import { deepFreeze } from './object.ts';
import { Store } from './store.ts';
import { StringPool } from './string-pool.ts';

/** Bytes of the heap that are in use once what nobody needs is gone. */
function heapBytes(): number {
  setFlagsFromString('--expose-gc');
  runInNewContext('gc')();
  return process.memoryUsage().heapUsed;
}

test('every text is given as it is', () => {
  const pool = new StringPool();
  const long = 'x'.repeat(1_000);
  for (let round = 0; round < 2; round += 1) {
    for (let index = 0; index < 10_000; index += 1) expect(pool.one(`text ${index}`)).toBe(`text ${index}`);
    expect(pool.one(long)).toBe(long);
  }
});

test('what many objects have in common takes room once, whatever else there is', () => {
  const text = JSON.stringify(Array.from({ length: 20 }, (_, index) => `a text that all of them have, ${index}`));
  const roomOf = (replace: (text: string) => string): number => {
    const before = heapBytes();
    const objects = Array.from({ length: 2_000 }, (_, index) =>
      deepFreeze([JSON.parse(text), `a text of its own: ${index}`], replace),
    );
    const room = heapBytes() - before;
    expect(objects).toHaveLength(2_000);
    return room;
  };
  const pool = new StringPool();
  expect(roomOf((each) => pool.one(each))).toBeLessThan(roomOf((each) => each) / 2);
});

test('all strings of an object are asked for, at every depth, and no key', () => {
  const asked: string[] = [];
  const object = { kind: 'Pod', labels: { a: 'b' }, list: ['c', { d: 'e', number: 1, nothing: null }] };
  const frozen = deepFreeze(structuredClone(object), (text) => {
    asked.push(text);
    return text.toUpperCase();
  });
  expect(asked.sort()).toEqual(['Pod', 'b', 'c', 'e']);
  expect(frozen).toEqual({ kind: 'POD', labels: { a: 'B' }, list: ['C', { d: 'E', number: 1, nothing: null }] });
});

test('a store that is given one asks it for the strings of what it keeps', () => {
  const strings = new StringPool();
  const asked: string[] = [];
  strings.one = (text) => {
    asked.push(text);
    return text;
  };
  const store = new Store({ now: () => 0, onHandlerError: () => undefined, strings });
  store.set({ metadata: { name: 'a', namespace: 'n', labels: { room: 'one' } } });
  expect(asked).toEqual(['a', 'n', 'one']);
});
