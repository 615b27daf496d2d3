import { isDeepStrictEqual } from 'node:util';
import type { Emulator, EmulatorStatus } from '../../api/emulator/schema.ts';
import { GROUP } from '../../api/group.ts';
import { allEnded } from '../../kube/all-ended.ts';
import { type Applier, applyIfChanged, type FieldOwner } from '../../kube/apply.ts';
import type { KubeClient } from '../../kube/client.ts';
import { errorMessage, isConflict, isNamespaceTerminating, isNotFound, isRefusal } from '../../kube/errors.ts';
import type { Informer } from '../../kube/informer.ts';
import type { KubeObject, Resource } from '../../kube/object.ts';
import { formatBytes } from '../quantity.ts';
import type { Caches, RawEmulator } from './caches.ts';
import type { ClaimObject } from './cluster-object.ts';
import { type Decision, ownerOf, type WantedObjects } from './decide.ts';
import type { ClaimGrowth } from './disks/resize.ts';
import type { ClaimDeletion } from './disks/retention.ts';
import { foreignChild, isOurs } from './foreign-child.ts';
import { childNames } from './names.ts';
import type { Nudge } from './nudge.ts';
import type { ForeignChild, RefusedGrowth } from './observed.ts';
import type { Owner } from './render/owner.ts';
import { RESOURCES } from './resource.ts';
import { asObject, type EmulatorSecrets } from './secrets.ts';

/** One field manager per purpose: what a purpose leaves out at its next apply is removed, and nothing else. */
export const MANAGERS = {
  objects: 'loco-operator',
  claims: 'loco-operator-claims',
  status: 'loco-operator-status',
} as const;

const HASH_ANNOTATION = `${GROUP}/applied-hash`;

export interface ActContext {
  readonly client: KubeClient;
  readonly caches: Caches;
  readonly secrets: EmulatorSecrets;
  /** Was this name somebody else's when it was last asked for? It is looked at then before anything is tried. */
  readonly isTaken: (kind: string, name: string) => boolean;
  /** Told of each write that changed something, for the log. */
  readonly onWrite: (what: string) => void;
  /** Told of each claim whose deletion the API server accepted. */
  readonly onClaimDeleted: (name: string) => void;
  /** Told of each machine whose pod is being deleted so that it starts with a newer one. */
  readonly onRestart: (pod: string) => void;
}

/** What was found out on the way. */
export interface Findings {
  /** Objects that belong to others. */
  readonly conflicts: readonly ForeignChild[];
  /** Claims that the API server didn't let grow. */
  readonly refusals: readonly Omit<RefusedGrowth, 'at'>[];
}

/** Carries out what concerns an Emulator's own objects and claims. */
export async function carryOut(context: ActContext, emulator: Emulator, decision: Decision): Promise<Findings> {
  const nothing = { conflicts: [], settled: false };
  const { conflicts, settled } =
    decision.objects === undefined ? nothing : await applyObjects(context, emulator, decision.objects);
  const { namespace, name } = emulator.metadata;
  const growths = allEnded(decision.claimGrowths.map((growth) => growClaim(context, namespace, growth)));
  const [refusals] = await allEnded([
    growths,
    removeStatefulSet(context, namespace, childNames.statefulSet(name), decision.statefulSetReplacement),
    ...decision.claimPatches.map((patch) => patchClaim(context, patch)),
    ...decision.claimDeletions.map((deletion) => deleteClaim(context, namespace, deletion)),
    ...decision.nudges.map((nudge) => nudgePod(context, namespace, nudge)),
    // For a template that was just changed it is decided anew.
    settled ? restartMachine(context, namespace, decision.restart) : undefined,
  ]);
  return { conflicts, refusals: refusals.filter((refusal) => refusal !== undefined) };
}

/** Is the stored status another than this one? */
export function isStatusStale(raw: RawEmulator, status: EmulatorStatus): boolean {
  return !isDeepStrictEqual(raw.status, status);
}

/** Writes the status when it isn't what is stored. @throws a conflict when it was computed from what is no longer so */
export async function writeStatus(
  context: Pick<ActContext, 'client' | 'caches'>,
  raw: RawEmulator,
  status: EmulatorStatus,
): Promise<boolean> {
  if (!isStatusStale(raw, status)) return false;
  const { name, namespace = '', uid = '', resourceVersion = '' } = raw.metadata;
  const object: RawEmulator = { metadata: { name, namespace, uid, resourceVersion }, status };
  const options = { fieldManager: MANAGERS.status, force: true, subresource: 'status' };
  await context.caches.emulators.store.ownWrite(`${namespace}/${name}`, () =>
    context.client.apply(RESOURCES.emulator, object, options),
  );
  return true;
}

/**
 * All but the StatefulSet first: a pod that finds Secrets and plan missing would wait for kubelet's next look, and one
 * without a policy is open to everyone.
 */
async function applyObjects(context: ActContext, emulator: Emulator, objects: WantedObjects): Promise<Applied> {
  const { caches } = context;
  const owner = ownerOf(emulator);
  const first = await allEnded([
    apply(context, owner, RESOURCES.configMap, caches.configMaps, objects.plan),
    apply(context, owner, RESOURCES.service, caches.services, objects.service),
    apply(context, owner, RESOURCES.networkPolicy, caches.networkPolicies, objects.networkPolicy),
    applyBudget(context, owner, objects.podDisruptionBudget),
    objects.secrets.create ? context.secrets.create(owner, emulator.spec) : undefined,
  ]);
  const conflicts = first.flat().filter((outcome) => outcome !== undefined && typeof outcome === 'object');
  if (conflicts.length > 0 || objects.statefulSet === undefined) return { conflicts, settled: false };
  const last = await apply(context, owner, RESOURCES.statefulSet, caches.statefulSets, objects.statefulSet);
  return typeof last === 'object' ? { conflicts: [last], settled: false } : { conflicts, settled: last === 'AsWanted' };
}

async function applyBudget(context: ActContext, owner: Owner, budget: WantedObjects['podDisruptionBudget']) {
  if (budget === undefined) return undefined;
  return apply(context, owner, RESOURCES.podDisruptionBudget, context.caches.podDisruptionBudgets, budget);
}

/** What came of applying an Emulator's objects. */
interface Applied {
  readonly conflicts: readonly ForeignChild[];
  /** The StatefulSet was as wanted before, and nobody else changed it. */
  readonly settled: boolean;
}

async function apply<T extends KubeObject>(
  context: ActContext,
  owner: Owner,
  resource: Resource,
  informer: Informer<T>,
  rendered: object,
): Promise<ForeignChild | 'AsWanted' | 'Changed'> {
  const wanted = asObject<T>(rendered);
  const applier: Applier = {
    client: context.client,
    fieldManager: MANAGERS.objects,
    hashAnnotation: HASH_ANNOTATION,
    isOurs: (existing) => isOurs(existing, owner),
    lookFirst: context.isTaken(resource.kind, wanted.metadata.name),
  };
  const applied = await applyIfChanged(applier, resource, informer.store, wanted);
  const { kind } = resource;
  const { name } = wanted.metadata;
  if (applied.outcome === 'Created') context.onWrite(`created ${kind} ${name}`);
  if (applied.outcome === 'Applied') context.onWrite(`applied ${kind} ${name}${overruledText(applied.overruled)}`);
  if (applied.outcome === 'Unchanged') return 'AsWanted';
  if (applied.outcome !== 'Conflict') return 'Changed';
  return { kind, name, ofPredecessor: foreignChild(applied.existing, owner)?.ofPredecessor === true };
}

/** Whose fields were put right. */
function overruledText(fields: readonly FieldOwner[]): string {
  return fields.length === 0 ? '' : `, over ${fields.map(({ manager, field }) => `${manager}'s ${field}`).join(', ')}`;
}

async function patchClaim(context: ActContext, patch: KubeObject): Promise<void> {
  const { name, namespace } = patch.metadata;
  const options = { fieldManager: MANAGERS.claims, force: true };
  try {
    await context.caches.claims.store.ownWrite(`${namespace}/${name}`, () =>
      context.client.apply(RESOURCES.claim, patch, options),
    );
  } catch (error) {
    // Somebody else wrote on it since it was read, and the watch brings what: whether it is still to be had is seen then.
    if (!isConflict(error)) throw error;
    context.onWrite(`left PersistentVolumeClaim ${name} alone, which was changed meanwhile`);
    return;
  }
  context.onWrite(`updated PersistentVolumeClaim ${name}`);
}

async function deleteClaim(
  context: ActContext,
  namespace: string,
  { name, uid, resourceVersion }: ClaimDeletion,
): Promise<void> {
  const outcome = await context.caches.claims.store.ownDelete(`${namespace}/${name}`, () =>
    context.client.delete(RESOURCES.claim, { namespace, name, uid, resourceVersion }),
  );
  if (outcome !== 'Deleted' && outcome !== 'Terminating') return;
  context.onWrite(`deleted PersistentVolumeClaim ${name} (${uid})`);
  context.onClaimDeleted(name);
}

/** Changes one field, so that whatever else stands in the claim stays its owner's. A refusal is an outcome. */
async function growClaim(
  context: ActContext,
  namespace: string,
  { name, uid, resourceVersion, bytes }: ClaimGrowth,
): Promise<Omit<RefusedGrowth, 'at'> | undefined> {
  const metadata = { name, namespace, uid, resourceVersion };
  const storage = formatBytes(bytes);
  const patch: ClaimObject = { metadata, spec: { resources: { requests: { storage } } } };
  try {
    await context.caches.claims.store.ownWrite(`${namespace}/${name}`, () =>
      context.client.patch(RESOURCES.claim, patch),
    );
    context.onWrite(`asked for ${storage} in PersistentVolumeClaim ${name}`);
    return undefined;
  } catch (error) {
    if (!isRefusal(error) || isNamespaceTerminating(error)) throw error;
    return { uid, bytes, message: errorMessage(error) };
  }
}

/** Deletes the StatefulSet and leaves its pods. What decides it, its claim template, is the same as long as its UID. */
async function removeStatefulSet(
  context: ActContext,
  namespace: string,
  name: string,
  uid: string | undefined,
): Promise<void> {
  if (uid === undefined) return;
  const outcome = await context.caches.statefulSets.store.ownDelete(`${namespace}/${name}`, () =>
    context.client.delete(RESOURCES.statefulSet, { namespace, name, uid, orphan: true }),
  );
  if (outcome === 'Deleted' || outcome === 'Terminating')
    context.onWrite(`deleted StatefulSet ${name} (${uid}), not its pods, for larger claims`);
}

/** Deletes the pod of a machine; its guest has the grace period to shut down, and the StatefulSet makes another. */
async function restartMachine(context: ActContext, namespace: string, pod: Decision['restart']): Promise<void> {
  if (pod === undefined) return;
  const { name, uid } = pod;
  const outcome = await context.caches.pods.store.ownDelete(`${namespace}/${name}`, () =>
    context.client.delete(RESOURCES.pod, { namespace, name, uid }),
  );
  if (outcome !== 'Deleted' && outcome !== 'Terminating') return;
  context.onWrite(`deleted Pod ${name} (${uid}), to be made anew as the spec asks`);
  context.onRestart(name);
}

async function nudgePod(context: ActContext, namespace: string, nudge: Nudge): Promise<void> {
  const { pod: name, uid, resourceVersion, annotations } = nudge;
  const metadata = { name, namespace, uid, resourceVersion, annotations };
  try {
    await context.caches.pods.store.ownWrite(`${namespace}/${name}`, () =>
      context.client.patch(RESOURCES.pod, { metadata }),
    );
  } catch (error) {
    // It changed or went since it was read, and the watch brings what: whether it still has to be told is seen then.
    if (!isConflict(error) && !isNotFound(error)) throw error;
    context.onWrite(`left Pod ${name} alone, which was changed meanwhile`);
    return;
  }
  context.onWrite(`told Pod ${name} to look at what it mounts`);
}
