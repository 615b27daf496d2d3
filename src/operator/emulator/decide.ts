import type { V1ConfigMap, V1PodDisruptionBudget, V1Service, V1StatefulSet } from '@kubernetes/client-node';
import type { Emulator, EmulatorStatus } from '../../api/emulator/schema.ts';
import type { Happening } from '../../kube/events.ts';
import type { KubeObject } from '../../kube/object.ts';
import { findBlock } from './checks/index.ts';
import type { Facts } from './conditions/condition.ts';
import { adoptClaim, isOurs, isTakeable } from './disks/adopt.ts';
import { claimsInput } from './disks/claim.ts';
import { type ClaimGrowth, decideResize, type ResizeDecision } from './disks/resize.ts';
import { type ClaimDeletion, decideRetention, type RetentionDecision } from './disks/retention.ts';
import { happenings } from './happenings/index.ts';
import { lacksDisk, machineStatuses } from './machine-status.ts';
import { decideNudges, type Nudge } from './nudge.ts';
import type { Observed, ObservedPlan, ObservedPod, ResolveRequest } from './observed.ts';
import { type NetworkPolicy, type OperatorPods, renderNetworkPolicy } from './render/network-policy.ts';
import type { Owner } from './render/owner.ts';
import { diskPlan, planText, renderPlanConfigMap } from './render/plan-config-map.ts';
import { needsBudget, renderPodDisruptionBudget } from './render/pod-disruption-budget.ts';
import { renderService } from './render/service.ts';
import { renderStatefulSet, wantedPods } from './render/stateful-set.ts';
import { decideRollout } from './rollout.ts';
import { decideSecrets, type SecretsDecision } from './secrets-due.ts';
import { decideSnapshot, type SnapshotDecision } from './snapshot.ts';
import { computeStatus } from './status.ts';
import { type StatusPace, statusPace } from './status-pace.ts';

/** What is to be done about one Emulator now. Plain values; the controller carries them out. */
export interface Decision {
  readonly status: EmulatorStatus;
  /** The status pins a digest that it didn't have: it must be stored before a machine hears of it. */
  readonly statusFirst: boolean;
  readonly events: readonly Happening[];
  /** How soon the status has to be stored. */
  readonly statusPace: StatusPace;
  /** Absent while something stands in the way, and for an Unmanaged Emulator, of which only the status is written. */
  readonly objects: WantedObjects | undefined;
  readonly claimPatches: readonly KubeObject[];
  /** Instead of them while what machines say of their disks isn't told yet: a disk that a claim knows is no news. */
  readonly claimAdoptions: readonly KubeObject[];
  readonly claimDeletions: readonly ClaimDeletion[];
  readonly claimGrowths: readonly ClaimGrowth[];
  /** UID of the StatefulSet to delete without its pods. */
  readonly statefulSetReplacement: string | undefined;
  readonly nudges: readonly Nudge[];
  /** The machine to restart, if nothing else is to be changed. */
  readonly restart: Pick<ObservedPod, 'name' | 'uid' | 'resourceVersion'> | undefined;
  readonly resolve: ResolveRequest | undefined;
  readonly againAfterMs: number | undefined;
}

export interface WantedObjects {
  /** Those that exist already stay as they are; they are made before anything mounts them. */
  readonly secrets: SecretsDecision;
  readonly plan: V1ConfigMap;
  readonly service: V1Service;
  readonly networkPolicy: NetworkPolicy;
  /** Absent where it would hold back nothing, unless there is one already. */
  readonly podDisruptionBudget: V1PodDisruptionBudget | undefined;
  /** Absent while the one that is there makes room for it (`disks/resize.ts`), and before its claims are ours. */
  readonly statefulSet: V1StatefulSet | undefined;
}

/** What is the same for all Emulators of an operator. */
export interface Installation {
  /** Image of the machines whose spec names none. */
  readonly defaultImage: string;
  /** Undefined where the operator doesn't run in a pod. */
  readonly operatorPods: OperatorPods | undefined;
}

/** An object that isn't ours is in no cache: nobody tells when it is gone. */
export const BLOCK_RECHECK_MS = 30_000;
/** What a deleted Emulator left goes away within seconds, and whoever made it anew waits. */
export const LEAVING_RECHECK_MS = 2_000;

/** All policy: from what is observed to what is to be done. */
export function decide(observed: Observed, installation: Installation, now: Date): Decision {
  const machines = machineStatuses(observed);
  const waiting = observed.pods.length > 0 && machines.some(lacksDisk);
  const block = findBlock(observed);
  const unmanaged = observed.emulator.spec.managementPolicy === 'Unmanaged';
  const held = block?.message ?? (unmanaged ? 'spec.managementPolicy is Unmanaged' : undefined);
  const snapshot = decideSnapshot(observed, waiting, held);
  const rollout = held === undefined ? decideRollout(observed, machines, now) : undefined;
  const facts: Facts = { observed, machines, block, snapshot, rollout };
  const status = computeStatus(facts, now);
  const events = happenings(observed, status);
  const shared = {
    status,
    statusFirst: snapshot?.pinned?.digest !== observed.emulator.status?.snapshot?.digest,
    events,
    statusPace: statusPace(observed, status, events),
  };
  if (held !== undefined) {
    const nothing = {
      objects: undefined,
      claimPatches: [],
      claimAdoptions: [],
      claimDeletions: [],
      claimGrowths: [],
      nudges: [],
    };
    return {
      ...shared,
      ...nothing,
      statefulSetReplacement: undefined,
      restart: undefined,
      resolve: undefined,
      againAfterMs: block && (block.kind === 'Waiting' ? LEAVING_RECHECK_MS : BLOCK_RECHECK_MS),
    };
  }
  const retention = retentionOf(observed);
  const resize = resizeOf(observed, retention);
  const patches = claimPatches(observed, retention, observed.contacts);
  const plan = wantedPlan(observed, snapshot, now);
  const secrets = decideSecrets(observed, now);
  return {
    ...shared,
    objects: wantedObjects(observed, retention, resize, { secrets, plan: plan.configMap }, installation),
    claimPatches: patches,
    claimAdoptions: patches.length === 0 ? [] : claimPatches(observed, retention, new Map()),
    claimDeletions: retention.deletions,
    // A claim that is written on for another reason is another version afterwards, and has its turn in the next pass.
    claimGrowths: resize.growths.filter(({ name }) => !patches.some(({ metadata }) => metadata.name === name)),
    statefulSetReplacement: resize.replacement,
    nudges: decideNudges(observed, plan, snapshot?.accessAt),
    restart: rollout?.restart,
    resolve: snapshot?.resolve,
    againAfterMs: soonest(
      snapshot?.againAfterMs,
      resize.againAfterMs,
      secrets.againAfterMs,
      rollout?.awaits?.againAfterMs,
    ),
  };
}

export function ownerOf({ metadata }: Emulator): Owner {
  return { name: metadata.name, namespace: metadata.namespace, uid: metadata.uid };
}

function retentionOf(observed: Observed): RetentionDecision {
  const { metadata, spec } = observed.emulator;
  return decideRetention({
    emulator: metadata.name,
    replicas: spec.replicas,
    whenScaled: spec.storage.retention.whenScaled,
    existingClaim: spec.storage.existingClaim !== undefined,
    mark: observed.statefulSet?.scaleMark,
    claims: observed.claims,
    podOrdinals: observed.pods.map(({ ordinal }) => ordinal),
  });
}

function resizeOf(observed: Observed, retention: RetentionDecision): ResizeDecision {
  return decideResize({
    ...claimsInput(observed),
    statefulSet: observed.statefulSet,
    scaleDone: retention.mark === observed.emulator.spec.replicas,
    refusals: observed.refusals,
    monotonicMs: observed.monotonicMs,
  });
}

function soonest(...waits: readonly (number | undefined)[]): number | undefined {
  const known = waits.filter((ms) => ms !== undefined);
  return known.length === 0 ? undefined : Math.min(...known);
}

/** The plan, and when it last became another. */
function wantedPlan(
  { emulator, plan }: Observed,
  snapshot: SnapshotDecision | undefined,
  now: Date,
): ObservedPlan & { readonly configMap: V1ConfigMap } {
  const state =
    snapshot?.pinned === undefined
      ? { ...(snapshot === undefined ? {} : { unresolved: `${snapshot.reason}: ${snapshot.message}` }) }
      : { digest: snapshot.pinned.digest };
  const wanted = diskPlan(emulator.spec, state);
  const text = planText(wanted);
  const changedAt = plan === undefined || plan.text === text ? plan?.changedAt : now;
  return { text, changedAt, configMap: renderPlanConfigMap(ownerOf(emulator), wanted, changedAt) };
}

function wantedObjects(
  observed: Observed,
  retention: RetentionDecision,
  resize: ResizeDecision,
  first: Pick<WantedObjects, 'secrets' | 'plan'>,
  { defaultImage, operatorPods }: Installation,
): WantedObjects {
  const { spec } = observed.emulator;
  const owner = ownerOf(observed.emulator);
  const leaving = resize.replacement !== undefined || observed.statefulSet?.leaving === true;
  return {
    ...first,
    service: renderService(owner),
    networkPolicy: renderNetworkPolicy(owner, spec, operatorPods),
    podDisruptionBudget: observed.hasBudget || needsBudget(spec) ? renderPodDisruptionBudget(owner, spec) : undefined,
    statefulSet:
      leaving || hasUnclaimed(observed)
        ? undefined
        : renderStatefulSet({
            owner,
            spec,
            defaultImage,
            scaleMark: retention.mark,
            templateSize: observed.statefulSet?.templateSize,
            templateUid: observed.statefulSet === undefined ? owner.uid : observed.statefulSet.templateUid,
          }),
  };
}

/**
 * Is there a claim that a machine would mount and that doesn't carry our name yet? Two Emulators can want one, and it is
 * written on with its version as precondition: whoever has made it theirs makes machines on it. One that the user is yet
 * to make can't be written on: a pod that waits for it would have it at the moment at which it is there.
 */
function hasUnclaimed({ emulator, claims }: Observed): boolean {
  const owner = ownerOf(emulator);
  const own = emulator.spec.storage.existingClaim?.name;
  const hasOwn = own === undefined || claims.some((claim) => claim.name === own && isOurs(claim, owner));
  if (!hasOwn && wantedPods(emulator.spec) > 0) return true;
  return claims.some((claim) => claim.ordinal < emulator.spec.replicas && !claim.deleting && !isOurs(claim, owner));
}

/** Claims that are ours, nobody's, or left to us, each with the word of the machine that has it mounted. */
function claimPatches(
  observed: Observed,
  retention: RetentionDecision,
  contacts: Observed['contacts'],
): readonly KubeObject[] {
  const { spec } = observed.emulator;
  const owner = ownerOf(observed.emulator);
  return observed.claims
    .filter(
      (claim) =>
        claim.emulator === owner.name ||
        (claim.ordinal < spec.replicas && (claim.emulator === undefined || isTakeable(claim, spec))),
    )
    .filter(({ condemned }) => !condemned)
    .filter(({ uid }) => !retention.deletions.some((deletion) => deletion.uid === uid))
    .map((claim) => {
      const pod = observed.pods.find(({ ordinal }) => ordinal === claim.ordinal);
      return adoptClaim({
        owner,
        claim,
        existingClaim: spec.storage.existingClaim !== undefined,
        whenDeleted: spec.storage.retention.whenDeleted,
        report: pod === undefined ? undefined : contacts.get(pod.uid)?.report,
      });
    })
    .filter((patch) => patch !== undefined);
}
