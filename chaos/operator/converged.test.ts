import { expect, test } from 'vitest';
import type { KubeObject } from '../../src/kube/object.ts';
import { convergenceFindings } from './converged.ts';
import { claimFindings, orphanFindings } from './orphans.ts';
import { GOOD, NAME } from './snapshot.fixture.ts';
import type { Snapshot } from './snapshot.ts';

const variants = new Map([[NAME, 'persistentDelete' as const]]);
const intended = new Map([[NAME, { variant: 'persistentDelete' as const }]]);
const nobody = { claims: new Set<string>(), emulators: new Set<string>() };

function findings(snapshot: Snapshot): string[] {
  return [
    ...convergenceFindings(snapshot, intended),
    ...orphanFindings(snapshot, variants),
    ...claimFindings(snapshot, variants, nobody),
  ].map(({ kind, what }) => `${kind}: ${what}`);
}

/** The good snapshot after somebody changed a copy of it. */
function after(change: (copy: Mutable) => void): string[] {
  const copy = structuredClone(GOOD) as unknown as Mutable;
  change(copy);
  return findings(copy as unknown as Snapshot);
}

type Mutable = {
  [Kind in Exclude<keyof Snapshot, 'reports'>]: MutableObject[];
} & { reports: Map<string, { phase: string; disk: { id: string } }> };

interface MutableObject {
  metadata: {
    name: string;
    uid: string;
    annotations: Record<string, string>;
    labels: Record<string, string>;
    ownerReferences: { uid: string }[];
  };
  spec: { replicas: number; selector: Record<string, string> };
  data: Record<string, string>;
  status: { conditions: { type: string; reason: string; status: string }[]; machines: { phase: string }[] };
}

const first = (objects: MutableObject[]): MutableObject => {
  const [object] = objects;
  if (object === undefined) throw new Error('the snapshot has none');
  return object;
};

test('where everything is as it has to be nothing is found', () => {
  expect(findings(GOOD)).toEqual([]);
});

test.each<[string, (copy: Mutable) => void, RegExp]>([
  ['a StatefulSet that is missing', (copy) => copy.statefulSets.pop(), /^NotConverged: StatefulSet is not there/],
  ['a scaled StatefulSet', (copy) => Object.assign(first(copy.statefulSets).spec, { replicas: 2 }), /spec.replicas: 2/],
  [
    'another selector',
    (copy) => Object.assign(first(copy.services).spec.selector, { 'app.kubernetes.io/instance': 'x' }),
    /Service.spec.selector/,
  ],
  ['another plan', (copy) => Object.assign(first(copy.configMaps).data, { 'plan.json': '{}' }), /ConfigMap.data/],
  [
    'a label that is gone',
    (copy) => delete first(copy.configMaps).metadata.labels['app.kubernetes.io/managed-by'],
    /managed-by: missing/,
  ],
  ['a missing Secret', (copy) => copy.secrets.pop(), /Secret emu-000-vnc is not there/],
  [
    'an owner that was another',
    (copy) => Object.assign(first(copy.services).metadata.ownerReferences[0] ?? {}, { uid: 'old' }),
    /^Orphan: Service/,
  ],
  [
    'a second Secret',
    (copy) =>
      copy.secrets.push({
        ...first(copy.secrets),
        metadata: { ...first(copy.secrets).metadata, name: 'emu-000-agent-2' },
      }),
    /^Duplicate: Secret emu-000-agent-2/,
  ],
  ['a pod that is missing', (copy) => copy.pods.pop(), /^Machines: its pods are none/],
  [
    'a pod of another StatefulSet',
    (copy) => Object.assign(first(copy.statefulSets).metadata, { uid: 'new' }),
    /^Orphan: Pod/,
  ],
  [
    'a wrong reason',
    (copy) => Object.assign(first(copy.emulators).status.conditions[0] ?? {}, { reason: 'Other' }),
    /^Conditions: Ready is True\/Other instead of True\/MachinesReady/,
  ],
  [
    'a condition twice',
    (copy) => first(copy.emulators).status.conditions.push({ type: 'Ready', reason: '', status: 'True' }),
    /twice/,
  ],
  [
    'a phase that the agent does not tell',
    (copy) => Object.assign(first(copy.emulators).status.machines[0] ?? {}, { phase: 'Pending' }),
    /^Machines: emu-000-0: phase: Pending instead of Running/,
  ],
  [
    'another disk than the agent’s',
    (copy) => Object.assign(copy.reports.get('pod-uid')?.disk ?? {}, { id: 'other' }),
    /disk.id: disk-id instead of other/,
  ],
  ['a claim that is missing', (copy) => copy.claims.pop(), /^Claim: win98-disk-emu-000-0 is not there/],
  [
    'a claim that names nobody',
    (copy) => Object.assign(first(copy.claims).metadata, { annotations: {} }),
    /doesn't say that it is this/,
  ],
  [
    'a claim that nobody collects',
    (copy) => Object.assign(first(copy.claims).metadata, { ownerReferences: [] }),
    /has the owners \[\]/,
  ],
])('%s is found', (_, change, words) => {
  expect(after(change).join('\n')).toMatch(new RegExp(words, 'm'));
});

test('of an Emulator that the user deleted nothing may be left but claims that were to stay', () => {
  const gone = { ...GOOD, emulators: [] };
  const words = [...convergenceFindings(gone, new Map()), ...orphanFindings(gone, variants)].map(({ what }) => what);
  expect(words.filter((what) => what.endsWith('which is gone'))).toHaveLength(5);
  const claim = GOOD.claims[0] as KubeObject;
  const kept = { ...gone, claims: [{ ...claim, metadata: { ...claim.metadata, ownerReferences: [] } }] };
  expect(claimFindings(kept, new Map([[NAME, 'persistent' as const]]), nobody)).toEqual([]);
  expect(claimFindings(kept, variants, nobody)).toMatchObject([{ kind: 'Claim' }]);
  const known = { ...nobody, claims: new Set([`win98-disk-${NAME}-0`]) };
  expect(claimFindings(kept, variants, known)).toEqual([]);
});

test('an Emulator that gets no machines must have none', () => {
  const stalled = new Map([[NAME, { variant: 'smallMemory' as const }]]);
  const words = convergenceFindings(GOOD, stalled).map(({ what }) => what);
  expect(words).toContain('there is a StatefulSet, and there must be none');
  expect(words).toContain('there is pod emu-000-0, and there must be none');
});
