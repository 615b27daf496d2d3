import { z } from 'zod';
import type { KubeObject } from '../../../kube/object.ts';
import { type ClaimNaming, claimNameFor, claimOrdinal } from './claim.ts';

/** What of an Emulator says which claims its machines use, and who came first. */
export interface Claimant {
  readonly name: string;
  readonly uid: string;
  /** RFC 3339, as the API server gives it: whole seconds in UTC, so that texts compare as times. */
  readonly createdAt: string;
  readonly spec: ClaimNaming & { readonly replicas: number };
}

const specSchema = z.object({
  replicas: z.int(),
  storage: z.object({
    mode: z.enum(['Persistent', 'Hybrid', 'Ephemeral']),
    claimTemplateName: z.string(),
    existingClaim: z.object({ name: z.string() }).optional(),
  }),
});

/** Reads an Emulator of the cache; undefined for one that can't be understood, of which no pod is ever made. */
export function claimantOf({ metadata, spec }: KubeObject & { readonly spec?: unknown }): Claimant | undefined {
  const parsed = specSchema.safeParse(spec);
  if (!parsed.success) return undefined;
  const { name, uid = '', creationTimestamp = '' } = metadata;
  return { name, uid, createdAt: creationTimestamp, spec: parsed.data };
}

/** Is a claim of this name this Emulator's by its spec, however many machines it wants at the moment? */
export function mayUse({ name, spec }: Claimant, claim: string): boolean {
  return claimOrdinal(claim, name, spec) !== undefined;
}

/**
 * Words of which two Emulators have one in common when a claim may be both's; for an index. Made claims are told by
 * what their names begin with, an existing one by its name, and by what it would begin with if it were a made one.
 */
export function claimWords({ name, spec }: Claimant): string[] {
  const own = spec.storage.existingClaim?.name;
  if (own !== undefined) return claimNameWords(own);
  return spec.storage.mode === 'Ephemeral' ? [] : [`${spec.storage.claimTemplateName}-${name}`];
}

/** Words of the Emulators that a claim of this name may be for. */
export function claimNameWords(name: string): string[] {
  return [name, name.replace(/-\d+$/, '')];
}

/** Names of claims that machines of both would mount. */
export function sharedClaims(left: Claimant, right: Claimant): string[] {
  return candidates(left, right).filter((claim) => wants(left, claim) && wants(right, claim));
}

/**
 * How far an Emulator is on its way to machines. One that makes pods has them on a claim as soon as there is one, and
 * so it comes before one that doesn't, however old that is; an empty StatefulSet comes before none.
 */
export type Foothold = 'None' | 'StatefulSet' | 'Pods';

const FOOTHOLDS: readonly Foothold[] = ['None', 'StatefulSet', 'Pods'];

/** An Emulator that wants claims, and how far it is. */
export interface Contender {
  readonly claimant: Claimant;
  readonly foothold: Foothold;
}

/** Does the first of two Emulators come before the second, as far as claims go that are nobody's yet? */
export function comesBefore(left: Contender, right: Contender): boolean {
  const ahead = FOOTHOLDS.indexOf(left.foothold) - FOOTHOLDS.indexOf(right.foothold);
  return ahead === 0 ? cameFirst(left.claimant, right.claimant) : ahead > 0;
}

/** Was the first of two Emulators there before the second? Of two of one second the UIDs decide, the same way each time. */
function cameFirst(left: Claimant, right: Claimant): boolean {
  if (left.createdAt !== right.createdAt) return left.createdAt < right.createdAt;
  return left.uid < right.uid;
}

function wants({ name, spec }: Claimant, claim: string): boolean {
  const ordinal = claimOrdinal(claim, name, spec);
  return ordinal !== undefined && ordinal < spec.replicas;
}

/** An existing claim has one name; made ones meet in all of their names or in none. */
function candidates(left: Claimant, right: Claimant): string[] {
  const own = [left, right].map(({ spec }) => spec.storage.existingClaim?.name).find((name) => name !== undefined);
  if (own !== undefined) return [own];
  const first = claimNameFor(left.name, left.spec, 0);
  if (first === undefined || first !== claimNameFor(right.name, right.spec, 0)) return [];
  const count = Math.min(left.spec.replicas, right.spec.replicas);
  return Array.from({ length: count }, (_, ordinal) => claimNameFor(left.name, left.spec, ordinal) ?? first);
}
