import fc from 'fast-check';
import { expect, test } from 'vitest';
import { deepFreeze } from './object.ts';
import { shareParts } from './share-parts.ts';

const kept = deepFreeze({
  spec: { machine: { cpu: 'pentium2' }, access: [{ all: true }, { all: false }] },
  status: { ready: true },
});

test('what is equal is there once', () => {
  expect(shareParts(structuredClone(kept), kept)).toBe(kept);
});

test('what differs stays its own, and has the rest in common', () => {
  const value = { spec: { machine: { cpu: 'pentium2' }, access: [{ all: true }, { all: true }] }, more: {} };
  const shared = shareParts(structuredClone(value), kept);
  expect(shared).toEqual(value);
  expect(shared.spec.machine).toBe(kept.spec.machine);
  expect(shared.spec.access[0]).toBe(kept.spec.access[0]);
  expect(shared.spec.access).not.toBe(kept.spec.access);
});

test('what lacks a part of the other is not the other', () => {
  const { status: _, ...value } = structuredClone(kept);
  expect(shareParts(value, kept)).toEqual({ spec: kept.spec });
  expect(shareParts({ list: [1] }, deepFreeze({ list: [1, 2] }))).toEqual({ list: [1] });
  expect(shareParts({ list: {} }, deepFreeze({ list: [] }))).toEqual({ list: {} });
  expect(shareParts({ part: undefined }, deepFreeze({ other: 1 }))).toEqual({ part: undefined });
});

test('a sealed part stays as it is', () => {
  const sealed = deepFreeze({ inner: { deep: 1 } });
  expect(shareParts({ sealed }, deepFreeze({ sealed: { inner: { deep: 1 } }, more: 1 })).sealed).toBe(sealed);
});

test('whatever it is compared with, a value stays what it was', () => {
  const json = fc.jsonValue({ maxDepth: 4 });
  fc.assert(
    fc.property(json, json, fc.boolean(), (value, other, same) => {
      const text = JSON.stringify(value);
      const like: unknown = JSON.parse(same ? text : JSON.stringify(other));
      expect(JSON.stringify(shareParts(JSON.parse(text), deepFreeze(like)))).toBe(same ? JSON.stringify(like) : text);
    }),
  );
});
