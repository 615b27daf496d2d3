import type { Emulator } from '../../api/emulator/schema.ts';
import type { KubeObject } from '../../kube/object.ts';
import { parseQuantity } from '../quantity.ts';
import type { ClaimObject, ConfigMapObject, PodObject, StatefulSetObject } from './cluster-object.ts';
import { claimOrdinal, observeClaim } from './disks/claim.ts';
import { type Claimant, comesBefore, type Foothold, mayUse, sharedClaims } from './disks/claimant.ts';
import { foreignChild } from './foreign-child.ts';
import { ANNOTATIONS } from './names.ts';
import type {
  ClaimHolder,
  ForeignChild,
  MachineContact,
  Observed,
  ObservedPod,
  ObservedStatefulSet,
  RefusedGrowth,
  ResolveAttempt,
  Rival,
} from './observed.ts';
import { observePod } from './pod.ts';
import { PLAN_KEY } from './render/plan-config-map.ts';

/** What the caches hold about one Emulator, as the API server gave it. */
export interface CachedObjects {
  /** See {@link Observed.monotonicMs}. */
  readonly monotonicMs: number;
  readonly emulator: Emulator;
  readonly statefulSet: StatefulSetObject | undefined;
  readonly service: KubeObject | undefined;
  readonly planConfigMap: ConfigMapObject | undefined;
  readonly podDisruptionBudget: KubeObject | undefined;
  readonly networkPolicy: KubeObject | undefined;
  /** Pods with the Emulator's labels. */
  readonly pods: readonly PodObject[];
  /** Claims of the namespace, those at least that its machines may use. */
  readonly claims: readonly ClaimObject[];
  /** Emulators of the namespace that may want the same claims, this one too. */
  readonly claimants: readonly Claimant[];
  /** The Emulator of this name in the namespace. */
  readonly claimant: (emulator: string) => Claimant | undefined;
  /** Pods of an Emulator of this name in the namespace. */
  readonly podsOf: (emulator: string) => readonly PodObject[];
  /** How far the Emulator of this name in the namespace is on its way to machines. */
  readonly foothold: (emulator: string) => Foothold;
  readonly contacts: ReadonlyMap<string, MachineContact>;
  readonly resolve: ResolveAttempt | undefined;
  /** Objects that the caches don't have and that the API server says belong to somebody else. */
  readonly conflicts: readonly ForeignChild[];
  readonly secretsMade: boolean;
  readonly secretsFor: ReadonlySet<string>;
  readonly refusals: readonly RefusedGrowth[];
  readonly failure: string | undefined;
}

/** Turns cached objects into what decisions are made from. No I/O. */
export function gather(cached: CachedObjects): Observed {
  const { name, uid } = cached.emulator.metadata;
  // The caches hold only what carries our labels.
  const { statefulSet, service, planConfigMap, podDisruptionBudget, networkPolicy } = cached;
  const children = [statefulSet, service, planConfigMap, podDisruptionBudget, networkPolicy].filter(
    (child) => child !== undefined,
  );
  return {
    monotonicMs: cached.monotonicMs,
    emulator: cached.emulator,
    statefulSet: statefulSet === undefined ? undefined : observeStatefulSet(statefulSet),
    hasBudget: podDisruptionBudget !== undefined,
    foreignChildren: [
      ...children.map((child) => foreignChild(child, { name, uid })).filter((child) => child !== undefined),
      ...cached.conflicts,
    ],
    plan: observePlan(cached.planConfigMap),
    pods: observePods(cached.pods, name),
    claims: cached.claims.flatMap((claim) => {
      const ordinal = claimOrdinal(claim.metadata.name, name, cached.emulator.spec);
      return ordinal === undefined ? [] : [observeClaim(claim, ordinal, { name, uid }, holderOf(claim, cached))];
    }),
    rivals: rivalsOf(cached),
    contacts: cached.contacts,
    resolve: cached.resolve,
    secretsMade: cached.secretsMade,
    secretsFor: cached.secretsFor,
    refusals: cached.refusals,
    failure: cached.failure,
  };
}

/** The machines among pods. */
export function observePods(pods: readonly PodObject[], emulator: string): ObservedPod[] {
  return pods.map((pod) => observePod(pod, emulator)).filter((pod) => pod !== undefined);
}

/** Another Emulator whose name the claim carries, and whether that one still wants it. */
function holderOf(claim: ClaimObject, { emulator, claimant, podsOf }: CachedObjects): ClaimHolder | undefined {
  const name = claim.metadata.annotations?.[ANNOTATIONS.emulator];
  if (name === undefined || name === emulator.metadata.name) return undefined;
  const bearer = claimant(name);
  if (bearer !== undefined && mayUse(bearer, claim.metadata.name)) return { name, state: 'Present' };
  // The Emulator of this name may have been made again with another disk, while a machine of before still shuts down.
  const writing = podsOf(name).some((pod) => bearer === undefined || mounts(pod, claim.metadata.name));
  return { name, state: writing ? 'Leaving' : 'Gone' };
}

function mounts({ spec }: PodObject, claim: string): boolean {
  return (spec?.volumes ?? []).some(({ persistentVolumeClaim }) => persistentVolumeClaim?.claimName === claim);
}

function rivalsOf({ emulator, claimants, foothold }: CachedObjects): Rival[] {
  const self = claimants.find(({ uid }) => uid === emulator.metadata.uid);
  if (self === undefined) return [];
  const contender = (claimant: Claimant) => ({ claimant, foothold: foothold(claimant.name) });
  return claimants
    .filter((other) => other !== self && comesBefore(contender(other), contender(self)))
    .map((other) => ({ emulator: other.name, claims: sharedClaims(self, other) }))
    .filter(({ claims }) => claims.length > 0);
}

function observeStatefulSet(statefulSet: StatefulSetObject): ObservedStatefulSet {
  const { metadata, spec, status } = statefulSet;
  const mark = Number(metadata.annotations?.[ANNOTATIONS.scaleMark] ?? Number.NaN);
  const template = spec?.volumeClaimTemplates?.[0];
  const templateSize = template?.spec?.resources?.requests?.['storage'];
  return {
    uid: metadata.uid ?? '',
    leaving: metadata.deletionTimestamp !== undefined,
    scaleMark: Number.isInteger(mark) && mark >= 0 ? mark : undefined,
    templateSize,
    templateUid: template?.metadata?.annotations?.[ANNOTATIONS.emulatorUid],
    templateBytes: parseQuantity(templateSize ?? ''),
    updateRevision: status?.observedGeneration === metadata.generation ? status?.updateRevision : undefined,
  };
}

function observePlan(configMap: ConfigMapObject | undefined): Observed['plan'] {
  const text = configMap?.data?.[PLAN_KEY];
  const changedAt = new Date(configMap?.metadata.annotations?.[ANNOTATIONS.planChangedAt] ?? Number.NaN);
  return text === undefined
    ? undefined
    : { text, changedAt: Number.isNaN(changedAt.getTime()) ? undefined : changedAt };
}
