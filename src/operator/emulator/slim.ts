import type { KubeObject, ObjectMeta } from '../../kube/object.ts';
import type { ClaimObject, ContainerStatus, PodObject, StatefulSetObject } from './cluster-object.ts';
import { ANNOTATIONS } from './names.ts';

/**
 * What the caches keep of an object: what is read of it, and nothing else. With a thousand Emulators the rest would be
 * most of the operator's memory.
 */

/** Claims of the whole cluster are kept, also those of others. */
export function slimClaim({ apiVersion, kind, metadata, spec, status }: ClaimObject): ClaimObject {
  const requests = spec?.resources?.requests;
  return defined({
    apiVersion,
    kind,
    metadata: withOurAnnotations(metadata),
    spec: requests === undefined ? undefined : { resources: { requests } },
    status: status === undefined ? undefined : defined({ phase: status.phase, capacity: status.capacity }),
  });
}

/** Conditions of a pod that are read. */
const POD_CONDITIONS = ['Ready', 'PodScheduled', 'PodReadyToStartContainers'];

/** Of a pod's spec only which claims it mounts. */
export function slimPod({ apiVersion, kind, metadata, spec, status }: PodObject): PodObject {
  const claims = (spec?.volumes ?? []).flatMap(({ persistentVolumeClaim: claim }) =>
    claim?.claimName === undefined ? [] : [{ persistentVolumeClaim: { claimName: claim.claimName } }],
  );
  return defined({
    apiVersion,
    kind,
    metadata: withOurAnnotations(metadata),
    spec: { volumes: claims },
    status: status === undefined ? undefined : slimPodStatus(status),
  });
}

function slimPodStatus(status: NonNullable<PodObject['status']>): NonNullable<PodObject['status']> {
  const { phase, reason, message, podIP, conditions, initContainerStatuses, containerStatuses } = status;
  const read = conditions?.filter(({ type }) => POD_CONDITIONS.includes(type));
  return defined({
    phase,
    reason,
    message,
    podIP,
    conditions: read?.map(({ type, status: value, reason: why, message: words, lastTransitionTime }) =>
      defined({ type, status: value, reason: why, message: words, lastTransitionTime }),
    ),
    initContainerStatuses: initContainerStatuses?.map(slimContainer),
    containerStatuses: containerStatuses?.map(slimContainer),
  });
}

function slimContainer({ name, restartCount, state, lastState }: ContainerStatus): ContainerStatus {
  return defined({ name, restartCount, state, lastState });
}

/** The spec stays whole: what we want is compared with it. */
export function slimStatefulSet({ status, ...object }: StatefulSetObject): StatefulSetObject {
  const read =
    status && defined({ observedGeneration: status.observedGeneration, updateRevision: status.updateRevision });
  return { ...object, ...(read === undefined ? {} : { status: read }) };
}

/** For objects whose status nobody reads. */
export function withoutStatus<T extends KubeObject>(object: T): T {
  const { status: _, ...kept } = object as T & { readonly status?: unknown };
  return kept as T;
}

const OURS: ReadonlySet<string> = new Set(Object.values(ANNOTATIONS));

function ourAnnotations({ annotations }: ObjectMeta): Record<string, string> {
  return Object.fromEntries(Object.entries(annotations ?? {}).filter(([key]) => OURS.has(key)));
}

/** Without what others wrote on it, and without its name's parts and hashes that stand elsewhere as well. */
function withOurAnnotations(metadata: ObjectMeta): ObjectMeta {
  const { name, namespace, uid, resourceVersion, creationTimestamp, deletionTimestamp, labels, ownerReferences } =
    metadata;
  const kept = { namespace, uid, resourceVersion, creationTimestamp, deletionTimestamp, labels, ownerReferences };
  return { name, ...defined(kept), annotations: ourAnnotations(metadata) };
}

/** The same with what is optional there. */
type Defined<T> = { [K in keyof T as undefined extends T[K] ? never : K]: T[K] } & {
  [K in keyof T as undefined extends T[K] ? K : never]?: Exclude<T[K], undefined>;
};

/** Without the keys that have no value. */
function defined<T extends object>(value: T): Defined<T> {
  return Object.fromEntries(Object.entries(value).filter(([, part]) => part !== undefined)) as Defined<T>;
}
