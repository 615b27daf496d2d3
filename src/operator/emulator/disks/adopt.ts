import type { EmulatorSpec } from '../../../api/emulator/schema.ts';
import { API_VERSION } from '../../../api/group.ts';
import type { AgentReport, ReportedDisk } from '../../../contract/agent-report.ts';
import type { KubeObject } from '../../../kube/object.ts';
import { ANNOTATIONS } from '../names.ts';
import type { ObservedClaim } from '../observed.ts';
import type { Owner } from '../render/owner.ts';

export interface AdoptionInput {
  readonly owner: Owner;
  readonly claim: ObservedClaim;
  readonly existingClaim: boolean;
  readonly whenDeleted: 'Retain' | 'Delete';
  /** The newest report of the machine that has the claim mounted; undefined when there is none. */
  readonly report: AgentReport | undefined;
}

/**
 * What an Emulator has to write on a claim of its machines: whose it is, what the machine reported of the disk, and,
 * with `whenDeleted: Delete`, the owner reference that makes the garbage collector take it along. Applied as a whole
 * under one field manager, so what is left out here is removed there. Undefined when the claim says all that already.
 *
 * A claim of a deleted Emulator of the same name is taken over as it is: that is how a disk outlives its Emulator. One
 * that was to go with it isn't (`checks/claim-condemned.ts`).
 */
export function adoptClaim(input: AdoptionInput): KubeObject | undefined {
  const { owner, claim } = input;
  if (claim.deleting) return undefined;
  const collected = input.whenDeleted === 'Delete' && !input.existingClaim;
  const disk = knownDisk(claim.disk, input.report);
  const ours = isOurs(claim, owner);
  if (ours && claim.collected === collected && sameDisk(claim.disk, disk)) return undefined;
  return {
    metadata: {
      name: claim.name,
      namespace: owner.namespace,
      uid: claim.uid,
      // Of two that take a claim at the same time, or tell of its disk, the second finds it changed.
      resourceVersion: claim.resourceVersion,
      annotations: {
        [ANNOTATIONS.emulator]: owner.name,
        [ANNOTATIONS.emulatorUid]: owner.uid,
        ...(disk === undefined ? {} : { [ANNOTATIONS.disk]: JSON.stringify(disk) }),
      },
      ownerReferences: collected
        ? [{ apiVersion: API_VERSION, kind: 'Emulator', name: owner.name, uid: owner.uid }]
        : [],
    },
  };
}

/** Does the claim carry the name and the UID of this Emulator? No machine is made on one that doesn't. */
export function isOurs(claim: ObservedClaim, { name, uid }: Pick<Owner, 'name' | 'uid'>): boolean {
  return claim.emulator === name && claim.emulatorUid === uid;
}

/**
 * May a claim that carries another Emulator's name be taken over? One that the user names as `existingClaim`, when the
 * Emulator that had it is gone with its pods. One whose name only happens to be the same is a disk that waits for its
 * Emulator to be made again.
 */
export function isTakeable({ holder }: ObservedClaim, { storage }: Pick<EmulatorSpec, 'storage'>): boolean {
  return holder?.state === 'Gone' && storage.existingClaim !== undefined;
}

/** What is true of a disk: the machine's word when it has one, else what it said last. */
export function knownDisk(before: ReportedDisk | undefined, report: AgentReport | undefined): ReportedDisk | undefined {
  if (report?.disk !== undefined) return report.disk;
  return saysNoDisk(report) ? undefined : before;
}

/**
 * Has the machine looked and found no disk, so that what was known of an earlier one is over? One that waits for the
 * volume's lock, or doesn't use a damaged disk, says nothing of the kind; one that goes through the sources does.
 */
export function saysNoDisk(report: AgentReport | undefined): boolean {
  if (report?.phase === 'DiskFailed') return report.attempts.length > 0;
  return report?.phase === 'AwaitingDisk' || report?.phase === 'AwaitingSnapshot';
}

function sameDisk(left: ReportedDisk | undefined, right: ReportedDisk | undefined): boolean {
  return JSON.stringify(left) === JSON.stringify(right);
}
