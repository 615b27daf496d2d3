import { type AuditEntry, isMutation } from './audit.ts';

/** Since when somebody has the Lease, by the clock of the API server; until the next term begins. */
export interface Term {
  readonly identity: string;
  readonly fromMs: number;
}

/** Is this the identity of a process of the pod? Each process has its own: the pod's name, and something behind it. */
export function isOfPod(identity: string | undefined, pod: string): boolean {
  return identity === pod || identity?.startsWith(`${pod}_`) === true;
}

/** Did this request write the Lease? */
function wroteLease({ resource, code, identity }: AuditEntry): boolean {
  return resource === 'leases' && code >= 200 && code < 300 && identity !== undefined;
}

/**
 * Who had the Lease when. Whoever wrote it last had it: only a holder and somebody who becomes one write it (one that
 * gives it back writes as well, and isn't at work any more).
 */
export function termsOf(entries: readonly AuditEntry[]): Term[] {
  const writes = entries.filter(wroteLease).sort((left, right) => left.answeredAt - right.answeredAt);
  const terms: Term[] = [];
  for (const { identity = '', answeredAt } of writes) {
    if (terms.at(-1)?.identity !== identity) terms.push({ identity, fromMs: answeredAt });
  }
  return terms;
}

/** Whose term it is at a time; undefined before the first. */
export function holderAt(terms: readonly Term[], atMs: number): string | undefined {
  return terms.findLast(({ fromMs }) => fromMs <= atMs)?.identity;
}

/**
 * Writes of one that reached the API server while another one had the Lease. Requests for the Lease itself are how one
 * gets it, and an event changes nothing that anybody decides on.
 */
function lateRequests(entries: readonly AuditEntry[]): AuditEntry[] {
  const terms = termsOf(entries);
  return entries.filter((entry) => {
    const { identity, resource, receivedAt } = entry;
    if (identity === undefined || !isMutation(entry)) return false;
    if (resource === 'leases' || resource === 'events') return false;
    const holder = holderAt(terms, receivedAt);
    return holder !== undefined && holder !== identity;
  });
}

/** Late writes that took effect: nothing may stop short of excluding them. */
export function staleWrites(entries: readonly AuditEntry[]): AuditEntry[] {
  return lateRequests(entries).filter(({ code }) => code >= 200 && code < 300);
}

/** Late writes that were refused, for what they were based on was no longer so: the fence should have held them back. */
export function lateWrites(entries: readonly AuditEntry[]): AuditEntry[] {
  return lateRequests(entries).filter(({ code }) => code === 404 || code === 409);
}
