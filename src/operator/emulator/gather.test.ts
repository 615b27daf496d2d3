import { describe, expect, test } from 'vitest';
import type { ClaimObject, PodObject } from './cluster-object.ts';
import type { Claimant, Foothold } from './disks/claimant.ts';
import { type CachedObjects, gather } from './gather.ts';
import { emulator } from './observed.fixture.ts';

function gathered(more: Partial<CachedObjects>, spec: object = {}) {
  return gather({
    monotonicMs: 0,
    emulator: emulator(spec),
    statefulSet: undefined,
    service: undefined,
    planConfigMap: undefined,
    podDisruptionBudget: undefined,
    networkPolicy: undefined,
    pods: [],
    claims: [],
    claimants: [],
    claimant: () => undefined,
    podsOf: () => [],
    foothold: () => 'None',
    contacts: new Map(),
    resolve: undefined,
    conflicts: [],
    secretsMade: false,
    secretsFor: new Set(),
    refusals: [],
    failure: undefined,
    ...more,
  });
}

function claim(name: string): ClaimObject {
  return { metadata: { name, namespace: 'school', uid: name } };
}

test('claims are found by the name that the StatefulSet controller gives them, annotated or not', () => {
  const claims = ['win98-disk-classroom-0', 'win98-disk-classroom-10', 'win98-disk-classroom-x-0', 'other-classroom-0'];
  expect(gathered({ claims: claims.map(claim) }).claims.map(({ ordinal }) => ordinal)).toEqual([0, 10]);
});

test('an existing claim is the only one that counts', () => {
  const spec = { storage: { mode: 'Persistent', existingClaim: { name: 'my-disk' } } };
  const claims = [claim('win98-disk-classroom-0'), claim('my-disk')];
  expect(gathered({ claims }, spec).claims.map(({ name }) => name)).toEqual(['my-disk']);
});

test('a claim that names a deleted Emulator of this name as its owner is condemned', () => {
  const owned = (name: string, owner: string, uid: string): ClaimObject => ({
    metadata: { ...claim(name).metadata, ownerReferences: [{ apiVersion: 'v1', kind: 'Emulator', name: owner, uid }] },
  });
  const claims = [
    owned('win98-disk-classroom-0', 'classroom', 'former-uid'),
    owned('win98-disk-classroom-1', 'classroom', 'emulator-uid'),
    owned('win98-disk-classroom-2', 'other', 'other-uid'),
    claim('win98-disk-classroom-3'),
  ];
  expect(gathered({ claims }).claims.map(({ condemned }) => condemned)).toEqual([true, false, false, false]);
});

describe('whose a claim is', () => {
  const neighbour = (name: string, existing: string | undefined, createdAt = '2026-01-01T00:00:00Z'): Claimant => ({
    name,
    uid: name === 'classroom' ? 'emulator-uid' : `${name}-uid`,
    createdAt,
    spec: {
      replicas: 1,
      storage: {
        mode: 'Persistent',
        claimTemplateName: 'win98-disk',
        existingClaim: existing === undefined ? undefined : { name: existing },
      },
    },
  });
  const spec = { storage: { mode: 'Persistent', existingClaim: { name: 'my-disk' } } };
  const self = neighbour('classroom', 'my-disk', '2026-01-02T00:00:00Z');
  const named = (name: string) => ({
    metadata: { ...claim('my-disk').metadata, annotations: { 'loco.mroie.github.io/emulator': name } },
  });
  const holder = (more: Partial<CachedObjects>) =>
    gathered({ claims: [named('other')], ...more }, spec).claims[0]?.holder;

  test('an Emulator of its name, by whose spec it is, holds it', () => {
    const claimant = () => neighbour('other', 'my-disk');
    expect(holder({ claimant })).toEqual({ name: 'other', state: 'Present' });
  });

  const podOn = (claimName: string): PodObject => ({
    metadata: { name: 'other-0', namespace: 'school', uid: 'other-0-uid' },
    spec: { volumes: [{}, { persistentVolumeClaim: { claimName } }] },
  });

  test('one of its name that was made again with another disk does not, once no pod of before has it mounted', () => {
    const claimant = () => neighbour('other', 'another-disk');
    const own = podOn('another-disk');
    expect(holder({ claimant, podsOf: () => [own, podOn('my-disk')] })).toEqual({ name: 'other', state: 'Leaving' });
    expect(holder({ claimant, podsOf: () => [own] })).toEqual({ name: 'other', state: 'Gone' });
  });

  test('one that is gone holds it until its pods are, too', () => {
    const podsOf = (name: string) => (name === 'other' ? [podOn('my-disk')] : []);
    expect(holder({ podsOf })).toEqual({ name: 'other', state: 'Leaving' });
    expect(holder({})).toEqual({ name: 'other', state: 'Gone' });
  });

  test('our own name is no other holder', () => {
    expect(holder({ claims: [named('classroom')] })).toBeUndefined();
  });

  test('of two that want the same claim the older is the rival of the younger, and not the other way round', () => {
    const rivals = (createdAt: string) =>
      gathered({ claimants: [self, neighbour('other', 'my-disk', createdAt)] }, spec).rivals;
    expect(rivals('2026-01-01T00:00:00Z')).toEqual([{ emulator: 'other', claims: ['my-disk'] }]);
    expect(rivals('2026-01-03T00:00:00Z')).toEqual([]);
  });

  test('the one that has pods, else a StatefulSet, is the rival of the one that has not, whichever is older', () => {
    const rivals = (own: Foothold, others: Foothold, createdAt: string) => {
      const foothold = (name: string) => (name === 'classroom' ? own : others);
      return gathered({ claimants: [self, neighbour('other', 'my-disk', createdAt)], foothold }, spec).rivals.length;
    };
    for (const createdAt of ['2026-01-01T00:00:00Z', '2026-01-02T00:00:00Z', '2026-01-03T00:00:00Z']) {
      expect(rivals('None', 'StatefulSet', createdAt)).toBe(1);
      expect(rivals('StatefulSet', 'Pods', createdAt)).toBe(1);
      expect(rivals('StatefulSet', 'None', createdAt)).toBe(0);
      expect(rivals('Pods', 'StatefulSet', createdAt)).toBe(0);
    }
  });
});

test('sizes are read in bytes, and one that can not be read is unknown', () => {
  const sized = (requested: string) => ({
    ...claim('win98-disk-classroom-0'),
    spec: { resources: { requests: { storage: requested } } },
    status: { phase: 'Bound', capacity: { storage: '1Gi' } },
  });
  const found = gathered({ claims: [sized('1536Mi')] }).claims[0];
  expect(found).toMatchObject({ bound: true, requestBytes: 1.5 * 2 ** 30, capacityBytes: 2 ** 30 });
  expect(gathered({ claims: [sized('107374182400m')] }).claims[0]?.requestBytes).toBeUndefined();
});

test('a claim annotation that can not be read counts as absent', () => {
  const broken = { ...claim('win98-disk-classroom-0') };
  const annotations = { 'loco.mroie.github.io/disk': '{"id":' };
  const claims = [{ ...broken, metadata: { ...broken.metadata, annotations } }];
  expect(gathered({ claims }).claims[0]?.disk).toBeUndefined();
});

test('a child whose controller is another Emulator of this name is a predecessor’s', () => {
  const reference = { apiVersion: 'x', kind: 'Emulator', name: 'classroom', uid: 'old', controller: true };
  const service = { kind: 'Service', metadata: { name: 'classroom', ownerReferences: [reference] } };
  expect(gathered({ service }).foreignChildren).toEqual([{ kind: 'Service', name: 'classroom', ofPredecessor: true }]);
  const ours = {
    ...service,
    metadata: { ...service.metadata, ownerReferences: [{ ...reference, uid: 'emulator-uid' }] },
  };
  expect(gathered({ service: ours }).foreignChildren).toEqual([]);
});

test('the revision of a StatefulSet counts only when its controller has seen the newest', () => {
  const metadata = { name: 'classroom', generation: 3 };
  const at = (observedGeneration: number) =>
    gathered({ statefulSet: { metadata, status: { observedGeneration, updateRevision: 'r' } } }).statefulSet;
  expect(at(2)?.updateRevision).toBeUndefined();
  expect(at(3)?.updateRevision).toBe('r');
});
