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
  /** The StatefulSet is another than the decision was made from. */
  readonly isStatefulSetNew: boolean;
  /** Why something that holds up nothing else could not be written; undefined when all could. */
  readonly failure: unknown;
}

/** Carries out what concerns an Emulator's own objects and claims. */
export async function carryOut(context: ActContext, emulator: Emulator, decision: Decision): Promise<Findings> {
  const applied = decision.objects === undefined ? NOTHING : await applyObjects(context, emulator, decision.objects);
  const { namespace, name } = emulator.metadata;
  const growths = allEnded(decision.claimGrowths.map((growth) => growClaim(context, namespace, growth)));
  const [refusals] = await allEnded([
    growths,
    removeStatefulSet(context, namespace, childNames.statefulSet(name), decision.statefulSetReplacement),
    ...decision.claimPatches.map((patch) => patchClaim(context, patch)),
    ...decision.claimDeletions.map((deletion) => deleteClaim(context, namespace, deletion)),
    ...decision.nudges.map((nudge) => nudgePod(context, namespace, nudge)),
  ]);
  // After a pass that changed anything it is decided anew, from what is so then.
  if (applied.isSettled) await restartMachine(context, namespace, decision.restart);
  const { conflicts, isStatefulSetNew, failure } = applied;
  return { conflicts, refusals: refusals.filter((refusal) => refusal !== undefined), isStatefulSetNew, failure };
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

/** What came of applying an Emulator's objects. */
interface Applied extends Pick<Findings, 'conflicts' | 'isStatefulSetNew' | 'failure'> {
  /** Everything was as wanted before, and nobody else changed it. */
  readonly isSettled: boolean;
}

const NOTHING: Applied = { conflicts: [], isStatefulSetNew: false, failure: undefined, isSettled: false };

/**
 * Secrets, plan and Service first: a pod that finds them missing would wait for kubelet's next look. The policy, too:
 * without one the machines are open to everyone. But once they run, a policy or a budget that can't be written keeps
 * nobody from stopping them.
 */
async function applyObjects(context: ActContext, emulator: Emulator, objects: WantedObjects): Promise<Applied> {
  const { caches } = context;
  const owner = ownerOf(emulator);
  const isMade =
    caches.statefulSets.store.get(`${owner.namespace}/${childNames.statefulSet(owner.name)}`) !== undefined;
  const { secrets, statefulSet, podDisruptionBudget } = objects;
  const policy = apply(context, owner, RESOURCES.networkPolicy, caches.networkPolicies, objects.networkPolicy);
  const first = await allEnded([
    apply(context, owner, RESOURCES.configMap, caches.configMaps, objects.plan),
    apply(context, owner, RESOURCES.service, caches.services, objects.service),
    isMade ? attempt(policy) : policy,
    secrets.create ? context.secrets.create(owner, emulator.spec) : [],
  ]);
  const taken = foreignOf(first.flat());
  if (taken.length > 0) return { ...NOTHING, conflicts: taken };
  const last = await allEnded([
    statefulSet && apply(context, owner, RESOURCES.statefulSet, caches.statefulSets, statefulSet),
    podDisruptionBudget &&
      attempt(apply(context, owner, RESOURCES.podDisruptionBudget, caches.podDisruptionBudgets, podDisruptionBudget)),
  ]);
  const outcomes = [...first.flat(), ...last].filter((outcome) => outcome !== undefined);
  return {
    conflicts: foreignOf(outcomes),
    isStatefulSetNew: last[0] === 'Changed',
    failure: outcomes.find((outcome) => outcome instanceof Failure)?.error,
    isSettled: statefulSet !== undefined && !secrets.create && outcomes.every((outcome) => outcome === 'AsWanted'),
  };
}

/** Something could not be written, and what depends on it is not held up. */
class Failure {
  readonly error: unknown;

  constructor(error: unknown) {
    this.error = error;
  }
}

function attempt<T>(work: Promise<T>): Promise<T | Failure> {
  return work.catch((error: unknown) => new Failure(error));
}

type ApplyResult = ForeignChild | 'AsWanted' | 'Changed';

function foreignOf(outcomes: readonly (ApplyResult | Failure | undefined)[]): ForeignChild[] {
  return outcomes.flatMap((outcome) => (typeof outcome === 'object' && !(outcome instanceof Failure) ? [outcome] : []));
}

/** Kinds of which what others add would make another object, with another effect. */
const EXACT: readonly string[] = [RESOURCES.networkPolicy.kind, RESOURCES.podDisruptionBudget.kind];

async function apply<T extends KubeObject>(
  context: ActContext,
  owner: Owner,
  resource: Resource,
  informer: Informer<T>,
  rendered: object,
): Promise<ApplyResult> {
  const wanted = asObject<T>(rendered);
  const applier: Applier = {
    client: context.client,
    fieldManager: MANAGERS.objects,
    hashAnnotation: HASH_ANNOTATION,
    isOurs: (existing) => isOurs(existing, owner),
    lookFirst: context.isTaken(resource.kind, wanted.metadata.name),
    exactSpec: EXACT.includes(resource.kind),
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
  const { name, uid, resourceVersion } = pod;
  const outcome = await context.caches.pods.store.ownDelete(`${namespace}/${name}`, () =>
    context.client.delete(RESOURCES.pod, { namespace, name, uid, resourceVersion }),
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
