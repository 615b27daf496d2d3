import { expect, test } from 'vitest';
import { isOurs } from './foreign-child.ts';

const OWNER = { name: 'classroom', uid: 'emulator-uid' };
const label = { 'app.kubernetes.io/managed-by': 'loco-operator' };
const ownedBy = (uid: string) => [{ apiVersion: 'x', kind: 'Emulator', name: 'classroom', uid, controller: true }];

test.each([
  ['one with our label', { labels: label }, true],
  ['one that belongs to the Emulator', { ownerReferences: ownedBy('emulator-uid') }, true],
  ['one of a user', {}, false],
  ['one of a user with labels', { labels: { app: 'mine' } }, false],
  ['one of a predecessor', { labels: label, ownerReferences: ownedBy('old') }, false],
])('%s that the cache does not have', (_what, metadata, ours) => {
  expect(isOurs({ metadata: { name: 'classroom-plan', ...metadata } }, OWNER)).toBe(ours);
});
