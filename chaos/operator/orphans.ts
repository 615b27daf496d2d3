import type { Emulator } from '../../src/api/emulator/schema.ts';
import type { KubeObject } from '../../src/kube/object.ts';
import type { ClaimObject } from '../../src/operator/emulator/cluster-object.ts';
import { ANNOTATIONS, childNames, ordinalOf } from '../../src/operator/emulator/names.ts';
import type { Finding } from './converged.ts';
import type { Snapshot } from './snapshot.ts';
import type { VariantName } from './variants.ts';

/** How each Emulator that ever was is meant, by name. */
export type Variants = ReadonlyMap<string, VariantName>;

/** Everything that is there and isn't a living Emulator's, or is there besides what an Emulator has one of. */
export function orphanFindings(snapshot: Snapshot, variants: Variants): Finding[] {
  const foreign = new Set(
    [...variants].filter(([, variant]) => variant === 'nameTaken').map(([name]) => childNames.service(name)),
  );
  const services = snapshot.services.filter(({ metadata }) => !foreign.has(metadata.name));
  const living = new Map(snapshot.emulators.map((emulator) => [emulator.metadata.uid, emulator.metadata.name]));
  const sets = new Map(snapshot.statefulSets.map(({ metadata }) => [metadata.uid ?? '', metadata.name]));
  const { plan, service, statefulSet, agentSecret, vncSecret } = childNames;
  return [
    ...ownedFindings('StatefulSet', snapshot.statefulSets, living, (name) => [statefulSet(name)]),
    ...ownedFindings('Service', services, living, (name) => [service(name)]),
    ...ownedFindings('ConfigMap', snapshot.configMaps.filter(isNobodys), living, (name) => [plan(name)]),
    ...ownedFindings('Secret', snapshot.secrets, living, (name) => [agentSecret(name), vncSecret(name)]),
    ...ownedFindings('ControllerRevision', snapshot.revisions, sets, undefined),
    ...ownedFindings('Pod', snapshot.pods, sets, undefined),
  ];
}

/** Kubernetes puts one ConfigMap into each namespace, and the run others of its own. */
function isNobodys({ metadata }: KubeObject): boolean {
  return metadata.name !== 'kube-root-ca.crt' && !metadata.name.startsWith('foreign-');
}

function ownedFindings(
  kind: string,
  objects: readonly KubeObject[],
  owners: ReadonlyMap<string, string>,
  namesOf: ((owner: string) => readonly string[]) | undefined,
): Finding[] {
  return objects.flatMap(({ metadata }): Finding[] => {
    const owner = (metadata.ownerReferences ?? []).find(({ controller }) => controller === true);
    const name = owner === undefined ? undefined : owners.get(owner.uid);
    const what = `${kind} ${metadata.name}`;
    if (name === undefined) {
      const of =
        owner === undefined ? 'has no owner' : `is of ${owner.kind} ${owner.name} (${owner.uid}), which is gone`;
      return [
        { kind: 'Orphan', emulator: metadata.labels?.['app.kubernetes.io/instance'] ?? '', what: `${what} ${of}` },
      ];
    }
    if (namesOf === undefined || namesOf(name).includes(metadata.name)) return [];
    return [{ kind: 'Duplicate', emulator: name, what: `${what} is another one than the Emulator has` }];
  });
}

/** What the run knows of claims that nobody could be expected to have removed. */
export interface Excused {
  /** Claims that weren't yet the Emulator's when that was deleted: what collects them was never on them. */
  readonly claims: ReadonlySet<string>;
  /** Emulators whose StatefulSet somebody deleted or scaled, and with it the note of what was scaled down. */
  readonly emulators: ReadonlySet<string>;
}

/** Each claim carries whose it is, and is there as long as the retention says. */
export function claimFindings(snapshot: Snapshot, variants: Variants, excused: Excused): Finding[] {
  const byName = new Map(snapshot.emulators.map((emulator) => [emulator.metadata.name, emulator]));
  return [
    ...snapshot.claims.flatMap((claim) => ofClaim(claim, byName, variants, excused)),
    ...snapshot.emulators.flatMap((emulator) => missingClaims(emulator, snapshot)),
  ];
}

const MADE = /^win98-disk-(.+)-(\d+)$/;

function ofClaim(
  { metadata }: ClaimObject,
  byName: ReadonlyMap<string, Emulator>,
  variants: Variants,
  excused: Excused,
): Finding[] {
  const [, name = '', ordinal = ''] = MADE.exec(metadata.name) ?? [];
  if (name === '') return [];
  const finding = (what: string): Finding => ({ kind: 'Claim', emulator: name, what: `${metadata.name} ${what}` });
  const emulator = byName.get(name);
  const owners = metadata.ownerReferences ?? [];
  if (emulator === undefined) {
    if (owners.length > 0) return [finding('is owned by an Emulator that is gone')];
    const isLeft = variants.get(name) === 'persistentDelete' && !excused.claims.has(metadata.name);
    return isLeft ? [finding('is left of an Emulator that is gone')] : [];
  }
  if (metadata.deletionTimestamp !== undefined) return [finding('is being deleted')];
  const { retention } = emulator.spec.storage;
  const annotations = metadata.annotations ?? {};
  const isOurs =
    annotations[ANNOTATIONS.emulator] === name && annotations[ANNOTATIONS.emulatorUid] === emulator.metadata.uid;
  const collected = owners.length === 1 && owners[0]?.uid === emulator.metadata.uid;
  const isSurplus = Number(ordinal) >= emulator.spec.replicas;
  const excusedSurplus = excused.emulators.has(name) || excused.claims.has(metadata.name);
  return [
    ...(isOurs ? [] : [finding("doesn't say that it is this Emulator's")]),
    ...(collected === (retention.whenDeleted === 'Delete')
      ? []
      : [finding(`has the owners ${JSON.stringify(owners)}`)]),
    ...(isSurplus && retention.whenScaled === 'Delete' && !excusedSurplus ? [finding('is left of a scale-down')] : []),
  ];
}

function missingClaims({ metadata, spec }: Emulator, { claims, pods }: Snapshot): Finding[] {
  const { storage } = spec;
  if (storage.mode === 'Ephemeral' || storage.existingClaim !== undefined) return [];
  const running = pods.filter((pod) => ordinalOf(pod.metadata.name, metadata.name) !== undefined);
  return running
    .map((pod) => `${storage.claimTemplateName}-${pod.metadata.name}`)
    .filter((name) => !claims.some((claim) => claim.metadata.name === name))
    .map((name) => ({ kind: 'Claim', emulator: metadata.name, what: `${name} is not there` }));
}
