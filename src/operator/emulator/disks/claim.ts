import type { EmulatorSpec } from '../../../api/emulator/schema.ts';
import type { ReportedDisk } from '../../../contract/agent-report.ts';
import { reportedDiskSchema } from '../../../contract/agent-report.ts';
import type { ObjectMeta } from '../../../kube/object.ts';
import { parseQuantity } from '../../quantity.ts';
import type { ClaimObject } from '../cluster-object.ts';
import { ANNOTATIONS, childNames, ordinalOf } from '../names.ts';
import type { ClaimHolder, Observed, ObservedClaim } from '../observed.ts';
import type { ClaimsInput } from './resize.ts';

/** What of a spec the names of claims are made from. */
export interface ClaimNaming {
  readonly storage: Pick<EmulatorSpec['storage'], 'mode' | 'claimTemplateName' | 'existingClaim'>;
}

/** What the names of an Emulator's own claims begin with; undefined where it has none. */
function claimPrefix(name: string, spec: ClaimNaming): string | undefined {
  if (spec.storage.mode === 'Ephemeral' || spec.storage.existingClaim !== undefined) return undefined;
  return `${spec.storage.claimTemplateName}-${name}`;
}

/** Name of the claim that the machine with this ordinal uses; undefined for an Ephemeral machine. */
export function claimNameFor(name: string, spec: ClaimNaming, ordinal: number): string | undefined {
  if (spec.storage.existingClaim !== undefined) return spec.storage.existingClaim.name;
  if (spec.storage.mode === 'Ephemeral') return undefined;
  return childNames.claim(spec.storage.claimTemplateName, name, ordinal);
}

/** The ordinal of a claim that this Emulator's machines could use; undefined for any other claim. */
export function claimOrdinal(claimName: string, name: string, spec: ClaimNaming): number | undefined {
  if (spec.storage.existingClaim !== undefined) return claimName === spec.storage.existingClaim.name ? 0 : undefined;
  const prefix = claimPrefix(name, spec);
  return prefix === undefined ? undefined : ordinalOf(claimName, prefix);
}

/** A claim as decisions see it. */
export function observeClaim(
  claim: ClaimObject,
  ordinal: number,
  emulator: { readonly name: string; readonly uid: string },
  holder: ClaimHolder | undefined,
): ObservedClaim {
  const { metadata, spec, status } = claim;
  return {
    name: metadata.name,
    uid: metadata.uid ?? '',
    ordinal,
    emulator: metadata.annotations?.[ANNOTATIONS.emulator],
    emulatorUid: metadata.annotations?.[ANNOTATIONS.emulatorUid],
    holder,
    disk: annotatedDisk(metadata.annotations?.[ANNOTATIONS.disk]),
    collected: (metadata.ownerReferences ?? []).some(({ uid }) => uid === emulator.uid),
    condemned: isCondemned(metadata, emulator),
    deleting: metadata.deletionTimestamp !== undefined,
    resourceVersion: metadata.resourceVersion ?? '',
    bound: status?.phase === 'Bound',
    requestBytes: parseQuantity(spec?.resources?.requests?.['storage'] ?? ''),
    capacityBytes: parseQuantity(status?.capacity?.['storage'] ?? ''),
  };
}

/** Of two Emulators of one name in a namespace, one is gone. */
function isCondemned({ ownerReferences = [] }: ObjectMeta, { name, uid }: { name: string; uid: string }): boolean {
  return ownerReferences.some((owner) => owner.kind === 'Emulator' && owner.name === name && owner.uid !== uid);
}

/** What questions about the sizes of an Emulator's claims are answered from. */
export function claimsInput({ emulator, claims }: Observed): ClaimsInput {
  const { storage, replicas } = emulator.spec;
  return {
    emulator: emulator.metadata.name,
    replicas,
    size: parseQuantity(storage.size) ?? 0,
    existingClaim: storage.existingClaim !== undefined,
    claims,
  };
}

/** People can edit annotations: one that can't be read counts as absent, and is written anew at the next report. */
function annotatedDisk(text: string | undefined): ReportedDisk | undefined {
  if (text === undefined) return undefined;
  try {
    const parsed = reportedDiskSchema.safeParse(JSON.parse(text));
    return parsed.success ? parsed.data : undefined;
  } catch {
    return undefined;
  }
}
