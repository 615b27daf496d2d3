import type { KubeObject, Resource } from './object.ts';

export const LEASES: Resource = { group: 'coordination.k8s.io', version: 'v1', plural: 'leases', kind: 'Lease' };

/** Who leads, in the cluster. An empty holder: nobody does. */
export interface Lease extends KubeObject {
  readonly spec: {
    readonly holderIdentity?: string;
    readonly leaseDurationSeconds?: number;
    readonly acquireTime?: string;
    readonly renewTime?: string;
    readonly leaseTransitions?: number;
  };
}

/** A lease as `identity` takes or renews it at `now`; renewing keeps what tells one leadership from the next. */
export function heldLease(base: Lease, identity: string, durationMs: number, now: number): Lease {
  const mine = base.spec.holderIdentity === identity;
  const renewTime = microTime(now);
  return {
    ...base,
    apiVersion: 'coordination.k8s.io/v1',
    kind: LEASES.kind,
    spec: {
      holderIdentity: identity,
      leaseDurationSeconds: durationMs / 1000,
      acquireTime: mine ? (base.spec.acquireTime ?? renewTime) : renewTime,
      renewTime,
      leaseTransitions: (base.spec.leaseTransitions ?? 0) + (mine ? 0 : 1),
    },
  };
}

/** A lease as its holder gives it back. */
export function freeLease(base: Lease, now: number): Lease {
  const spec = { ...base.spec, holderIdentity: '', leaseDurationSeconds: 1, renewTime: microTime(now) };
  return { ...base, spec };
}

/** RFC 3339 with microseconds, as `MicroTime` fields want it. */
export function microTime(epochMs: number): string {
  return new Date(epochMs).toISOString().replace('Z', '000Z');
}
