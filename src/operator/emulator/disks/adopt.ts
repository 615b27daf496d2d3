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
 * A claim of a deleted Emulator of the same name is taken over as it is: that is how a disk outlives its Emulator.
 */
export function adoptClaim(input: AdoptionInput): KubeObject | undefined {
  const { owner, claim } = input;
  if (claim.deleting) return undefined;
  const collected = input.whenDeleted === 'Delete' && !input.existingClaim;
  const disk = knownDisk(claim.disk, input.report);
  const upToDate = claim.emulator === owner.name && claim.collected === collected && sameDisk(claim.disk, disk);
  if (upToDate) return undefined;
  return {
    metadata: {
      name: claim.name,
      namespace: owner.namespace,
      uid: claim.uid,
      annotations: {
        [ANNOTATIONS.emulator]: owner.name,
        ...(disk === undefined ? {} : { [ANNOTATIONS.disk]: JSON.stringify(disk) }),
      },
      ownerReferences: collected
        ? [{ apiVersion: API_VERSION, kind: 'Emulator', name: owner.name, uid: owner.uid }]
        : [],
    },
  };
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
function saysNoDisk(report: AgentReport | undefined): boolean {
  if (report?.phase === 'DiskFailed') return report.attempts.length > 0;
  return report?.phase === 'AwaitingDisk' || report?.phase === 'AwaitingSnapshot';
}

function sameDisk(left: ReportedDisk | undefined, right: ReportedDisk | undefined): boolean {
  return JSON.stringify(left) === JSON.stringify(right);
}
