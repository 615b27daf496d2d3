import { type AuditEntry, isMutation } from '../../chaos/operator/audit.ts';

/** Requests of one operator by what they cost the API server, in the order in which the table has them. */
export const KINDS = ['objects', 'status', 'events', 'leases', 'execs', 'reads', 'watches'] as const;

export type Kind = (typeof KINDS)[number];
export type Counts = Readonly<Record<Kind, number>>;

/**
 * Which kind a request is. `objects` and `status` are what changed something that lasts; `reads` are GET and LIST; an
 * exec into a pod is none of them.
 */
export function kindOf(entry: Pick<AuditEntry, 'verb' | 'resource' | 'subresource'>): Kind {
  if (entry.resource === 'leases') return 'leases';
  if (entry.subresource === 'exec') return 'execs';
  if (entry.verb === 'watch') return 'watches';
  if (!isMutation(entry)) return 'reads';
  if (entry.resource === 'events') return 'events';
  return entry.subresource === 'status' ? 'status' : 'objects';
}

/** How many there are of each kind. */
export function countKinds(entries: readonly Pick<AuditEntry, 'verb' | 'resource' | 'subresource'>[]): Counts {
  const counts: Record<Kind, number> = {
    objects: 0,
    status: 0,
    events: 0,
    leases: 0,
    execs: 0,
    reads: 0,
    watches: 0,
  };
  for (const entry of entries) counts[kindOf(entry)] += 1;
  return counts;
}

/** `verb resource/subresource` of each request with how often it was made, the most frequent first. */
export function countRequests(
  entries: readonly Pick<AuditEntry, 'verb' | 'resource' | 'subresource' | 'code'>[],
): readonly (readonly [string, number])[] {
  const counts = new Map<string, number>();
  for (const { verb, resource, subresource, code } of entries) {
    const failed = code >= 400 ? ` (${code})` : '';
    const what = `${verb} ${resource}${subresource === undefined ? '' : `/${subresource}`}${failed}`;
    counts.set(what, (counts.get(what) ?? 0) + 1);
  }
  return [...counts].sort(([, left], [, right]) => right - left);
}

/** What lasts is changed by these. */
export function writesOf({ objects, status }: Counts): number {
  return objects + status;
}
