/**
 * A controller runtime for Kubernetes in TypeScript; it knows nothing of any controller. What each part promises stands
 * in its own file.
 *
 * - **In**: an {@link Informer} keeps a {@link Store} equal to what the API server has, whatever happens to the
 *   connection, and tells of each difference.
 * - **Queue**: a {@link WorkQueue} works on each key once at a time, again when it changed, later when it failed; the
 *   queues of several kinds share {@link Workers} in turn.
 * - **Out**: {@link applyIfChanged} makes objects as wanted with as few requests as there are changes;
 *   {@link EventRecorder} tells people, conditions tell programs, finalizers keep objects until they are cleaned up.
 * - **Alone**: a {@link LeaderElection} says who works, and as a {@link Fence} keeps everybody else from writing.
 *
 * @example
 * const connection = await openConnection(systemClock);
 * const unfenced = new KubeClient(connection);
 * const election = new LeaderElection({ client: unfenced, clock: systemClock, namespace, name, identity, onFailure });
 * const client = new KubeClient(connection, { fence: election });
 * const things = createInformer<Thing>({ client, clock: systemClock, random: Math.random, ... }, THINGS);
 * const queue = new WorkQueue({ workers: new Workers(8), work: reconcile, clock: systemClock, random: Math.random });
 * things.store.onChange(({ before, after }) => queue.add(keyOf(after ?? before)));
 * await things.start();
 * while (await election.acquire()) {
 *   queue.start();
 *   if ((await election.hold()) === 'Released') break;
 *   await queue.pause();
 * }
 *
 * @module
 */
export { type Applier, type ApplyOutcome, applyIfChanged, type FieldOwner } from './apply.ts';
export { type BackoffPolicy, backoffMs } from './backoff.ts';
export { type ClientOptions, type DeleteOutcome, type DeleteTarget, KubeClient } from './client.ts';
export { type Clock, pause, systemClock } from './clock.ts';
export {
  type Condition,
  type ConditionState,
  type Observation,
  setCondition,
  timedConditions,
} from './conditions.ts';
export { type Connection, openConnection } from './connection.ts';
export { isCovered } from './covered.ts';
export { ApiError, isConflict, isNotFound, isRefusal } from './errors.ts';
export { EventRecorder, type EventRecorderOptions, type Happening } from './events.ts';
export type { Fence } from './fence.ts';
export { addFinalizer, type FinalizerContext, type FinalizerOutcome, removeFinalizer } from './finalizers.ts';
export { createInformer, type Informer, type InformerContext } from './informer.ts';
export { LeaderElection, type LeaseOptions } from './lease.ts';
export { type KubeObject, keyOf, type ObjectMeta, type OwnerReference, type Resource } from './object.ts';
export { Reflector, type ReflectorOptions } from './reflector.ts';
export { type Change, type ChangeHandler, Store, type StoreOptions } from './store.ts';
export { StringPool } from './string-pool.ts';
export {
  type WorkFailure,
  type WorkObserver,
  WorkQueue,
  type WorkQueueOptions,
  type WorkResult,
} from './work-queue.ts';
export { Workers, type WorkSource } from './workers.ts';
