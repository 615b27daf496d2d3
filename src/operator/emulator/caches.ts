import { createInformer, type Informer, type InformerContext } from '../../kube/informer.ts';
import { type KubeObject, keyOf } from '../../kube/object.ts';
import type { Change } from '../../kube/store.ts';
import type { ClaimObject, ConfigMapObject, PodObject, StatefulSetObject } from './cluster-object.ts';
import { type Claimant, claimantOf, claimNameWords, claimWords } from './disks/claimant.ts';
import { ANNOTATIONS, APP_NAME, LABELS, MANAGED_BY } from './names.ts';
import { RESOURCES } from './resource.ts';
import { slimClaim, slimPod, slimStatefulSet, withoutStatus } from './slim.ts';

/** An Emulator as the API server gives it; it is parsed before anything is decided from it. */
export type RawEmulator = KubeObject & { readonly spec?: unknown; readonly status?: unknown };

/** The caches that decisions about Emulators are made from. */
export interface Caches {
  readonly emulators: Informer<RawEmulator>;
  readonly statefulSets: Informer<StatefulSetObject>;
  readonly services: Informer<KubeObject>;
  readonly configMaps: Informer<ConfigMapObject>;
  readonly podDisruptionBudgets: Informer<KubeObject>;
  readonly networkPolicies: Informer<KubeObject>;
  readonly pods: Informer<PodObject>;
  /** All claims, labelled or not: a disk that a person prepared under a machine's claim name has no labels of ours. */
  readonly claims: Informer<ClaimObject>;
}

/** Index of pods by their Emulator. */
export const BY_OWNER = 'owner';
/** Index of Emulators and claims by words that those have in common which may go together; see `claimWords`. */
const BY_CLAIM = 'claim';

export function createCaches(context: InformerContext): Caches {
  const ours = { labelSelector: `${LABELS.managedBy}=${MANAGED_BY},${LABELS.name}=${APP_NAME}` };
  const caches: Caches = {
    emulators: createInformer(context, RESOURCES.emulator),
    statefulSets: createInformer(context, RESOURCES.statefulSet, { ...ours, transform: slimStatefulSet }),
    services: createInformer(context, RESOURCES.service, { ...ours, transform: withoutStatus }),
    configMaps: createInformer(context, RESOURCES.configMap, ours),
    podDisruptionBudgets: createInformer(context, RESOURCES.podDisruptionBudget, { ...ours, transform: withoutStatus }),
    networkPolicies: createInformer(context, RESOURCES.networkPolicy, { ...ours, transform: withoutStatus }),
    pods: createInformer(context, RESOURCES.pod, { ...ours, transform: slimPod }),
    claims: createInformer(context, RESOURCES.claim, { transform: slimClaim }),
  };
  caches.pods.store.addIndex(BY_OWNER, (pod) => [ownerKey(pod)].filter((key) => key !== undefined));
  caches.claims.store.addIndex(BY_CLAIM, (claim) => wordsOfClaim(claim));
  caches.emulators.store.addIndex(BY_CLAIM, claimKeys);
  return caches;
}

/** Calls `enqueue` with the key of each Emulator that a change may concern. */
export function watchCaches(caches: Caches, enqueue: (key: string) => void): void {
  caches.emulators.store.onChange(({ before, after }) => {
    const object = after ?? before;
    if (object !== undefined) enqueue(keyOf(object));
    // Of two that want the same claim, the other may have to make room, or have its turn now.
    if (before?.metadata.generation === after?.metadata.generation) return;
    for (const key of contenders(caches, [before, after])) enqueue(key);
  });
  const ofOwner = (change: Change<KubeObject>): void => ownersOf(change).forEach(enqueue);
  caches.statefulSets.store.onChange(ofOwner);
  caches.services.store.onChange(ofOwner);
  caches.configMaps.store.onChange(ofOwner);
  caches.podDisruptionBudgets.store.onChange(ofOwner);
  caches.networkPolicies.store.onChange(ofOwner);
  caches.pods.store.onChange(ofOwner);
  caches.claims.store.onChange(({ before, after }) => {
    const claim = after ?? before;
    if (claim === undefined) return;
    for (const key of claimants(caches, claim)) enqueue(key);
  });
}

/** Calls `changed` with the key of each Emulator whose pods changed. */
export function watchPods({ pods }: Caches, changed: (key: string) => void): void {
  pods.store.onChange((change) => ownersOf(change).forEach(changed));
}

export function allCaches(caches: Caches): Informer<KubeObject>[] {
  return Object.values(caches);
}

/** Keys of the Emulators that a child's change concerns: one that was given to another concerns both. */
function ownersOf({ before, after }: Change<KubeObject>): Set<string> {
  return new Set([ownerKey(before), ownerKey(after)].filter((key) => key !== undefined));
}

/** `namespace/name` of the Emulator that an object's labels name. */
function ownerKey(object: KubeObject | undefined): string | undefined {
  const name = object?.metadata.labels?.[LABELS.instance];
  return name === undefined ? undefined : `${object?.metadata.namespace ?? ''}/${name}`;
}

/** Emulators that a claim may concern: the one it is annotated for, one that names it, those whose claims are called so. */
function claimants(caches: Caches, claim: ClaimObject): string[] {
  const { namespace = '', annotations } = claim.metadata;
  const annotated = annotations?.[ANNOTATIONS.emulator];
  const keys = annotated === undefined ? [] : [`${namespace}/${annotated}`];
  const named = wordsOfClaim(claim).flatMap((word) => caches.emulators.store.byIndex(BY_CLAIM, word).map(keyOf));
  return [...new Set([...keys, ...named])];
}

/** A claim's own name, and what it begins with if a StatefulSet made it. */
function wordsOfClaim({ metadata: { name, namespace = '' } }: ClaimObject): string[] {
  return [...new Set(claimNameWords(name))].map((word) => `${namespace}/${word}`);
}

/** Claims that this Emulator's machines may use, and perhaps others. */
export function claimsFor(caches: Caches, key: string): ClaimObject[] {
  const emulator = caches.emulators.store.get(key);
  const words = emulator === undefined ? [] : claimKeys(emulator);
  return [...new Set(words.flatMap((word) => caches.claims.store.byIndex(BY_CLAIM, word)))];
}

/** What an Emulator is indexed by for its claims. */
function claimKeys(emulator: RawEmulator): string[] {
  const claimant = claimantOf(emulator);
  const { namespace = '' } = emulator.metadata;
  return claimant === undefined ? [] : [...new Set(claimWords(claimant))].map((word) => `${namespace}/${word}`);
}

/** Emulators that may want a claim that one of these wants, or wanted. */
function contenders(caches: Caches, emulators: readonly (RawEmulator | undefined)[]): string[] {
  const keys = emulators.flatMap((emulator) => (emulator === undefined ? [] : claimKeys(emulator)));
  return [...new Set(keys)].flatMap((key) => caches.emulators.store.byIndex(BY_CLAIM, key).map(keyOf));
}

/** The Emulator of this key, and those that may want the same claims. */
export function claimantsLike(caches: Caches, key: string): Claimant[] {
  const found = new Set([key, ...contenders(caches, [caches.emulators.store.get(key)])]);
  return [...found].map((each) => claimantNamed(caches, each)).filter((claimant) => claimant !== undefined);
}

/** The Emulator of this key, as far as its claims go. */
export function claimantNamed(caches: Caches, key: string): Claimant | undefined {
  const emulator = caches.emulators.store.get(key);
  return emulator === undefined ? undefined : claimantOf(emulator);
}
