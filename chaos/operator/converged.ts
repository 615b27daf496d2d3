import type { Emulator } from '../../src/api/emulator/schema.ts';
import type { KubeObject } from '../../src/kube/object.ts';
import type { PodObject, StatefulSetObject } from '../../src/operator/emulator/cluster-object.ts';
import { ANNOTATIONS, childNames, ordinalOf } from '../../src/operator/emulator/names.ts';
import { diskPlan, renderPlanConfigMap } from '../../src/operator/emulator/render/plan-config-map.ts';
import { renderService } from '../../src/operator/emulator/render/service.ts';
import { renderStatefulSet } from '../../src/operator/emulator/render/stateful-set.ts';
import { differences } from './differences.ts';
import { expectedConditions, hasMachines } from './expected-conditions.ts';
import { machineFindings } from './machine-findings.ts';
import type { Snapshot } from './snapshot.ts';
import type { VariantName } from './variants.ts';

/** What the user means to have, by name; deleted ones aren't in it. */
export type Intended = ReadonlyMap<string, { readonly variant: VariantName }>;

/** Something that isn't as it has to be. */
export interface Finding {
  readonly kind: 'NotConverged' | 'Conditions' | 'Machines' | 'Orphan' | 'Duplicate' | 'Claim';
  readonly emulator: string;
  readonly what: string;
}

/** The image of machines whose spec names none. */
export const MACHINE_IMAGE = 'qemu-loco.chaos.test/image:1';

/** Everything about living Emulators that isn't as their specs say. */
export function convergenceFindings(snapshot: Snapshot, intended: Intended): Finding[] {
  const names = new Set([...intended.keys(), ...snapshot.emulators.map(({ metadata }) => metadata.name)]);
  return [...names].sort().flatMap((name) => {
    const emulator = snapshot.emulators.find(({ metadata }) => metadata.name === name);
    const variant = intended.get(name)?.variant;
    if (emulator === undefined) return [{ kind: 'NotConverged', emulator: name, what: 'the Emulator is not there' }];
    if (variant === undefined) return [{ kind: 'NotConverged', emulator: name, what: 'it was deleted and is there' }];
    return ofEmulator(snapshot, emulator, variant);
  });
}

function ofEmulator(snapshot: Snapshot, emulator: Emulator, variant: VariantName): Finding[] {
  const { name } = emulator.metadata;
  const finding =
    (kind: Finding['kind']) =>
    (what: string): Finding => ({ kind, emulator: name, what });
  const statefulSet = snapshot.statefulSets.find(({ metadata }) => metadata.name === name);
  const pods = podsOf(snapshot, name);
  const { spec } = emulator;
  const hasOldPod = pods.some(({ metadata }) => {
    return metadata.labels?.['controller-revision-hash'] !== statefulSet?.status?.updateRevision;
  });
  const objects = hasMachines(variant)
    ? objectFindings(snapshot, emulator, statefulSet)
    : absentFindings(statefulSet, pods);
  return [
    ...objects.map(finding('NotConverged')),
    ...conditionFindings(emulator, expectedConditions(variant, { spec, hasOldPod })).map(finding('Conditions')),
    ...(hasMachines(variant) ? machineFindings(emulator, pods, snapshot.reports).map(finding('Machines')) : []),
  ];
}

function podsOf({ pods }: Pick<Snapshot, 'pods'>, name: string): PodObject[] {
  return pods.filter(({ metadata }) => {
    return metadata.labels?.['app.kubernetes.io/instance'] === name && ordinalOf(metadata.name, name) !== undefined;
  });
}

/** Of an Emulator that gets no machines there is neither. */
function absentFindings(statefulSet: StatefulSetObject | undefined, pods: readonly PodObject[]): string[] {
  return [
    ...(statefulSet === undefined ? [] : ['there is a StatefulSet, and there must be none']),
    ...pods.map(({ metadata }) => `there is pod ${metadata.name}, and there must be none`),
  ];
}

/** The objects are what the renderers say, and each is there once and owned by this very Emulator. */
function objectFindings(snapshot: Snapshot, emulator: Emulator, statefulSet: StatefulSetObject | undefined): string[] {
  const { name, namespace, uid } = emulator.metadata;
  const owner = { name, namespace, uid };
  const { spec } = emulator;
  const plan = snapshot.configMaps.find(({ metadata }) => metadata.name === childNames.plan(name));
  const changedAt = plan?.metadata.annotations?.[ANNOTATIONS.planChangedAt];
  const digest = emulator.status?.snapshot?.digest;
  const wantedPlan = diskPlan(spec, digest === undefined ? {} : { digest });
  const templateSize = statefulSet?.spec?.volumeClaimTemplates?.[0]?.spec?.resources?.requests?.['storage'];
  const input = { owner, spec, defaultImage: MACHINE_IMAGE, scaleMark: spec.replicas, templateSize };
  const service = snapshot.services.find(({ metadata }) => metadata.name === childNames.service(name));
  const secrets = [childNames.agentSecret(name), childNames.vncSecret(name)];
  return [
    ...compare('StatefulSet', renderStatefulSet(input), statefulSet, uid),
    ...compare('Service', renderService(owner), service, uid),
    ...compare(
      'ConfigMap',
      renderPlanConfigMap(owner, wantedPlan, changedAt === undefined ? undefined : new Date(changedAt)),
      plan,
      uid,
    ),
    ...secrets.flatMap((wanted) => {
      const secret = snapshot.secrets.find(({ metadata }) => metadata.name === wanted);
      return compare(`Secret ${wanted}`, {}, secret, uid);
    }),
  ];
}

function compare(what: string, wanted: object, actual: KubeObject | undefined, uid: string): string[] {
  if (actual === undefined) return [`${what} is not there`];
  // Items of a list carry neither of the two.
  const { apiVersion: _, kind: __, ...rest } = wanted as KubeObject;
  const owners = actual.metadata.ownerReferences ?? [];
  const owned = owners.length === 1 && owners[0]?.uid === uid && owners[0].controller === true;
  return [
    ...differences(rest, actual).map((difference) => `${what}${difference}`),
    ...(owned ? [] : [`${what} is not owned by this Emulator alone: ${JSON.stringify(owners)}`]),
  ];
}

function conditionFindings({ metadata, status }: Emulator, expected: Readonly<Record<string, string>>): string[] {
  const conditions = status?.conditions ?? [];
  const types = conditions.map(({ type }) => type);
  const wrong = Object.entries(expected).flatMap(([type, wanted]) => {
    const found = conditions.find((condition) => condition.type === type);
    const actual = found === undefined ? 'missing' : `${found.status}/${found.reason}`;
    return actual === wanted ? [] : [`${type} is ${actual} instead of ${wanted}: ${found?.message ?? ''}`];
  });
  return [
    ...wrong,
    ...(new Set(types).size === types.length ? [] : [`a condition is there twice: ${types.join(', ')}`]),
    ...(status?.observedGeneration === metadata.generation ? [] : ['the status is of another generation']),
  ];
}
