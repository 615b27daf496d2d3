import { expect, test } from 'vitest';
import type { AuditEntry } from './audit.ts';
import { holderAt, lateWrites, staleWrites, termsOf } from './leadership.ts';

function entry(identity: string, at: number, other: Partial<AuditEntry> = {}): AuditEntry {
  return {
    receivedAt: at,
    answeredAt: at + 1,
    verb: 'patch',
    code: 200,
    user: 'operator',
    identity,
    resource: 'statefulsets',
    subresource: undefined,
    namespace: 'chaos',
    name: 'emu-000',
    ...other,
  };
}

const renewal = (identity: string, at: number, code = 200): AuditEntry =>
  entry(identity, at, { resource: 'leases', verb: 'update', code });

test('a term lasts from the first write of the Lease to the next one’s, and a refused write begins none', () => {
  const terms = termsOf([renewal('a', 0), renewal('a', 10), renewal('b', 15, 409), renewal('b', 20), renewal('a', 40)]);
  expect(terms).toEqual([
    { identity: 'a', fromMs: 1 },
    { identity: 'b', fromMs: 21 },
    { identity: 'a', fromMs: 41 },
  ]);
  expect([0, 1, 20, 21, 99].map((at) => holderAt(terms, at))).toEqual([undefined, 'a', 'a', 'b', 'a']);
});

test('a write that arrives when another one has the Lease is stale', () => {
  const late = entry('a', 30);
  expect(staleWrites([renewal('a', 0), renewal('b', 20), late, entry('b', 31)])).toEqual([late]);
});

test('a write that arrived just before another one had the Lease isn’t stale, however late it was answered', () => {
  const slow = entry('a', 20, { answeredAt: 500 });
  expect(staleWrites([renewal('a', 0), slow, renewal('b', 20)])).toEqual([]);
});

test('what was refused took no effect, and Leases, events and reading don’t count', () => {
  const harmless = [
    entry('a', 30, { code: 409 }),
    entry('a', 31, { resource: 'events', verb: 'create' }),
    entry('a', 32, { verb: 'get' }),
    renewal('a', 33, 409),
  ];
  expect(staleWrites([renewal('a', 0), renewal('b', 20), ...harmless])).toEqual([]);
});

test('a late write that was refused is told apart: it took no effect, and should not have been sent', () => {
  const refused = entry('a', 30, { code: 409 });
  const entries = [renewal('a', 0), renewal('b', 20), refused, entry('b', 31, { code: 409 })];
  expect(lateWrites(entries)).toEqual([refused]);
  expect(staleWrites(entries)).toEqual([]);
});
