import type { KubeClient } from './client.ts';
import { isConflict, isNotFound } from './errors.ts';
import { type KubeObject, keyOf, type ObjectMeta, type Resource } from './object.ts';
import type { Store } from './store.ts';

/** What came of a change to an object's finalizers. */
export type FinalizerOutcome =
  | 'Unchanged'
  | 'Written'
  /** It was changed since the cache saw it: nothing was written; the watch brings what it is now. */
  | 'Stale'
  /** It is gone, or another one has its name. */
  | 'Gone';

/** Whose objects carry a finalizer. */
export interface FinalizerContext<T extends KubeObject> {
  readonly client: Pick<KubeClient, 'patch'>;
  readonly resource: Resource;
  readonly store: Store<T>;
  /** Finalizers are noted under this name and a suffix: an apply of the same name would remove them. */
  readonly fieldManager: string;
}

/**
 * Makes sure that an object stays until {@link removeFinalizer}, however it is deleted. Nothing that has to be undone
 * may be done before this says `Unchanged` or `Written`: an object that is deleted in between would leave it behind.
 * One that is being deleted already can't have a finalizer added, which the API server refuses: that is `Gone`.
 *
 * @param object as the cache has it; the list of finalizers is replaced as a whole, so only in that version
 */
export async function addFinalizer<T extends KubeObject>(
  context: FinalizerContext<T>,
  object: T,
  finalizer: string,
): Promise<FinalizerOutcome> {
  const { finalizers = [], deletionTimestamp } = object.metadata;
  if (finalizers.includes(finalizer)) return 'Unchanged';
  if (deletionTimestamp !== undefined) return 'Gone';
  return write(context, object, [...finalizers, finalizer]);
}

/** Lets an object go, as far as we are concerned; others' finalizers stay. */
export async function removeFinalizer<T extends KubeObject>(
  context: FinalizerContext<T>,
  object: T,
  finalizer: string,
): Promise<FinalizerOutcome> {
  const { finalizers = [] } = object.metadata;
  if (!finalizers.includes(finalizer)) return 'Unchanged';
  return write(
    context,
    object,
    finalizers.filter((each) => each !== finalizer),
  );
}

async function write<T extends KubeObject>(
  { client, resource, store, fieldManager }: FinalizerContext<T>,
  object: T,
  finalizers: readonly string[],
): Promise<FinalizerOutcome> {
  const { name, namespace, uid, resourceVersion } = object.metadata;
  const metadata = { name, namespace, uid, resourceVersion, finalizers } as ObjectMeta;
  try {
    await store.ownWrite(keyOf(object), () =>
      client.patch<T>(resource, { metadata }, { fieldManager: `${fieldManager}-finalizers` }),
    );
    return 'Written';
  } catch (error) {
    if (isNotFound(error)) return 'Gone';
    if (isConflict(error)) return 'Stale';
    throw error;
  }
}
