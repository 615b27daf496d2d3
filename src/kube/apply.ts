import { hash } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import type { JsonPatchOperation, KubeClient } from './client.ts';
import { isCovered } from './covered.ts';
import { ApiError, isConflict } from './errors.ts';
import { type KubeObject, keyOf, type Resource } from './object.ts';
import type { Store } from './store.ts';

/** Who applies, and where the hash of what was applied is kept. */
export interface Applier {
  readonly client: Pick<KubeClient, 'get' | 'post' | 'apply' | 'jsonPatch'>;
  readonly fieldManager: string;
  /** Annotation on the object itself, never in a pod template: a hash there would restart pods. */
  readonly hashAnnotation: string;
  /** Is an object that the cache doesn't have ours all the same? */
  readonly isOurs: (existing: KubeObject) => boolean;
  /** Somebody else had this name when it was last looked at: look again before asking to create it. */
  readonly lookFirst?: boolean;
  /**
   * What others add below the fields of our `spec` is put right as well. Elsewhere it is theirs; but one more label of a
   * selector, say, makes another policy of one that is ours.
   */
  readonly exactSpec?: boolean;
}

/** A field that somebody else had set, in the API server's words. */
export interface FieldOwner {
  readonly manager: string;
  /** Path, for example `.spec.replicas`. */
  readonly field: string;
}

export type ApplyOutcome<T extends KubeObject> =
  | { readonly outcome: 'Unchanged' | 'Created' }
  /** Written; these fields had been set to something else by others, and are ours now. */
  | { readonly outcome: 'Applied'; readonly overruled: readonly FieldOwner[] }
  /** It was changed, replaced or deleted since the cache saw it: nothing was written; the watch brings what it is now. */
  | { readonly outcome: 'Stale' }
  /** An object of that name is there and is not ours. It was left alone. */
  | { readonly outcome: 'Conflict'; readonly existing: T };

/**
 * Makes an object as wanted, and writes nothing when it is already: the hash says that we want the same as when we
 * wrote it last, the comparison with the cached object that nobody changed it since. Reads nothing either, but after a
 * surprise.
 *
 * - An object that the cache doesn't have is created (POST), which fails where one of its name is there: then it is
 *   looked at. It may be somebody else's, whom server-side apply would share it with; or our own, when the cache is
 *   late.
 * - An object that the cache has is changed by server-side apply, and only as it was when that was decided: with its
 *   UID and resourceVersion.
 * - What was created by POST counts as an update of ours, and its fields would stay when we leave them out later. So
 *   before the first change our entry in `managedFields` is made one of apply (client-go's csaupgrade does the same).
 *
 * @throws ApiError `AlreadyExists` when an object of that name comes and goes faster than it can be looked at
 */
export async function applyIfChanged<T extends KubeObject>(
  applier: Applier,
  resource: Resource,
  store: Store<T>,
  wanted: T,
): Promise<ApplyOutcome<T>> {
  const desired = withHash(wanted, applier.hashAnnotation);
  const { client, fieldManager, lookFirst = false } = applier;
  const key = keyOf(desired);
  const cached = store.get(key);
  if (cached !== undefined) return change(applier, resource, store, { desired, existing: cached });
  const create = (): Promise<T> => store.ownWrite(key, () => client.post<T>(resource, desired, { fieldManager }));
  if (!lookFirst && (await unlessTaken(create))) return { outcome: 'Created' };
  const { namespace = '', name } = desired.metadata;
  const existing = await client.get<T>(resource, namespace, name);
  if (existing === undefined) {
    // Taken again by now: an error, which is tried again. No watch may ever tell of it: others' objects aren't watched.
    await create();
    return { outcome: 'Created' };
  }
  if (!applier.isOurs(existing)) return { outcome: 'Conflict', existing };
  // Until the watch is as far, the next pass starts from this one.
  await store.ownWrite(key, async () => existing);
  return change(applier, resource, store, { desired, existing });
}

/** False when an object of that name is there already. */
async function unlessTaken(create: () => Promise<unknown>): Promise<boolean> {
  try {
    await create();
    return true;
  } catch (error) {
    if (error instanceof ApiError && error.reason === 'AlreadyExists') return false;
    throw error;
  }
}

async function change<T extends KubeObject>(
  applier: Applier,
  resource: Resource,
  store: Store<T>,
  { desired, existing }: { desired: T; existing: T },
): Promise<ApplyOutcome<T>> {
  const { client, fieldManager, exactSpec = false } = applier;
  if (isCovered(desired, existing) && !(exactSpec && isSpecExtended(desired, existing)))
    return { outcome: 'Unchanged' };
  const key = keyOf(desired);
  try {
    const operations = ownershipPatch(existing, fieldManager);
    const target = { namespace: '', ...desired.metadata };
    const base =
      operations === undefined
        ? existing
        : await store.ownWrite(key, () => client.jsonPatch<T>(resource, target, operations));
    const { uid, resourceVersion } = base.metadata;
    const object = { ...desired, metadata: { ...desired.metadata, uid, resourceVersion } };
    const apply = (force: boolean): Promise<T> =>
      store.ownWrite(key, () => client.apply<T>(resource, object, { fieldManager, force }));
    const overruled = await foreignFields(() => apply(false));
    if (overruled.length > 0) await apply(true);
    return { outcome: 'Applied', overruled };
  } catch (error) {
    if (isConflict(error)) return { outcome: 'Stale' };
    throw error;
  }
}

/** Has a field of `desired.spec` more in it than we want? */
function isSpecExtended(desired: KubeObject, existing: KubeObject): boolean {
  const [wanted, found] = [desired, existing].map((object) => (object as { readonly spec?: object }).spec ?? {});
  const there = new Map(Object.entries(found ?? {}));
  return !Object.entries(wanted ?? {}).every(([key, value]) => isDeepStrictEqual(value, there.get(key)));
}

/** The fields that keep an apply from being carried out, because others set them; none when it was. */
async function foreignFields(apply: () => Promise<unknown>): Promise<FieldOwner[]> {
  try {
    await apply();
    return [];
  } catch (error) {
    const causes = error instanceof ApiError ? error.causes : [];
    const fields = causes
      .filter(({ reason }) => reason === 'FieldManagerConflict')
      .map(({ message, field }) => ({ manager: /^conflict with "([^"]*)"/.exec(message)?.[1] ?? message, field }));
    if (fields.length === 0) throw error;
    return fields;
  }
}

/** Makes an entry of ours for an update one for apply; undefined when there is none. */
function ownershipPatch({ metadata }: KubeObject, fieldManager: string): JsonPatchOperation[] | undefined {
  const index = (metadata.managedFields ?? []).findIndex(
    ({ manager, operation, subresource }) =>
      manager === fieldManager && operation === 'Update' && (subresource ?? '') === '',
  );
  if (index === -1) return undefined;
  return [
    // As a replacement it is a precondition, and another version a conflict; as a test it would be a refusal.
    { op: 'replace', path: '/metadata/resourceVersion', value: metadata.resourceVersion },
    { op: 'replace', path: `/metadata/managedFields/${index}/operation`, value: 'Apply' },
  ];
}

function withHash<T extends KubeObject>(object: T, annotation: string): T {
  const digest = hash('sha256', JSON.stringify(object), 'hex').slice(0, 32);
  const annotations = { ...object.metadata.annotations, [annotation]: digest };
  return { ...object, metadata: { ...object.metadata, annotations } };
}
