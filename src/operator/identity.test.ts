import { expect, test } from 'vitest';
import { identityOf } from './identity.ts';

const pod = { podName: 'loco-operator-a', podUid: 'uid-1', healthPort: 8081 };

test('two processes of a pod have names of their own, and the second knows that the first has ended', () => {
  const [first, second] = [identityOf(pod, 'one'), identityOf(pod, 'two')];
  expect(first.holder).not.toBe(second.holder);
  expect(second.isPredecessor(first.holder)).toBe(true);
});

test.each([
  ['another pod', { ...pod, podName: 'loco-operator-b' }],
  ['a pod of the same name', { ...pod, podUid: 'uid-2' }],
  ['a pod whose name begins the same', { ...pod, podName: 'loco-operator' }],
])('a process of %s may live', (_, other) => {
  expect(identityOf(pod, 'two').isPredecessor(identityOf(other, 'one').holder)).toBe(false);
});

test.each([
  ['its pod’s UID', { ...pod, podUid: undefined }],
  ['a port of its own', { ...pod, healthPort: 0 }],
])('a process that does not know %s takes nobody for dead', (_, settings) => {
  expect(identityOf(settings, 'two').isPredecessor(identityOf(settings, 'one').holder)).toBe(false);
});
