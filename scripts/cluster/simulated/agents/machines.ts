import type { Follower, KubeObject } from './api.ts';
import type { Machine } from './boot.ts';

/** What of a pod says which machine is behind its address. */
export interface Pod extends KubeObject {
  readonly spec: { readonly volumes?: readonly { readonly persistentVolumeClaim?: { readonly claimName: string } }[] };
  readonly status?: { readonly podIP?: string };
}

/** A machine that was started. */
interface Started {
  readonly pod: Pod;
  /** As `performance.now()` counts; long ago for one that was there before this program. */
  readonly startedAt: number;
  /** Called when its pod is gone. */
  readonly onEnd: Set<() => void>;
}

/** A machine that was started, with the volume that its disk lies on. */
export type KnownMachine = Machine & Pick<Started, 'startedAt' | 'onEnd'>;

/** A machine whose pod is older than this when it is first seen has booted. */
const OLD_MS = 5000;

/**
 * The machines by their pods' addresses. Invariant: at most one machine per address, that of the pod which was last
 * told to have it; its streams end with its pod.
 */
export class Machines implements Follower<Pod> {
  readonly #byAddress = new Map<string, Started>();
  readonly #claims: ReadonlyMap<string, KubeObject>;

  /** @param claims by `namespace/name` */
  constructor(claims: ReadonlyMap<string, KubeObject>) {
    this.#claims = claims;
  }

  /** The machine behind an address; undefined while its pod or claim isn't known yet. */
  at(address: string): KnownMachine | undefined {
    const started = this.#byAddress.get(address);
    const volume = started && this.#volumeOf(started.pod);
    if (started === undefined || volume === undefined) return undefined;
    const { pod, startedAt, onEnd } = started;
    return { podUid: pod.metadata.uid, volume, startedAt, onEnd };
  }

  replaced(pods: readonly Pod[]): void {
    const present = new Set(pods.map(({ metadata }) => metadata.uid));
    for (const [address, { pod }] of this.#byAddress) if (!present.has(pod.metadata.uid)) this.#end(address);
    for (const pod of pods) this.changed(pod);
  }

  changed(pod: Pod): void {
    const address = pod.status?.podIP;
    const { uid, creationTimestamp } = pod.metadata;
    if (address === undefined || this.#byAddress.get(address)?.pod.metadata.uid === uid) return;
    this.#end(address);
    const old = Date.now() - Date.parse(creationTimestamp) > OLD_MS;
    const startedAt = old ? Number.NEGATIVE_INFINITY : performance.now();
    this.#byAddress.set(address, { pod, startedAt, onEnd: new Set() });
  }

  deleted({ metadata, status }: Pod): void {
    const address = status?.podIP;
    if (address !== undefined && this.#byAddress.get(address)?.pod.metadata.uid === metadata.uid) this.#end(address);
  }

  #end(address: string): void {
    for (const end of this.#byAddress.get(address)?.onEnd ?? []) end();
    this.#byAddress.delete(address);
  }

  #volumeOf({ metadata, spec }: Pod): Machine['volume'] | undefined {
    const claim = spec.volumes?.find((volume) => volume.persistentVolumeClaim)?.persistentVolumeClaim?.claimName;
    const holder = claim === undefined ? { metadata } : this.#claims.get(`${metadata.namespace}/${claim}`);
    return holder && { uid: holder.metadata.uid, createdAt: new Date(holder.metadata.creationTimestamp).toISOString() };
  }
}
