import type { AuditEntry } from './audit.ts';
import type { Finding } from './converged.ts';
import { holderAt, isOfPod, lateWrites, staleWrites, termsOf } from './leadership.ts';
import type { Variants } from './orphans.ts';
import type { PhaseResult } from './phase.ts';
import { type Comparison, compareWrites, countWrites, totalOf, type Writes } from './writes.ts';

/** Beyond this multiple an undisturbed run's writes were not only repaired but repeated. */
const ALLOWED_RATIO = 1.2;

/** How it went, as the last line of the output tells. */
export interface Verdict {
  readonly notConverged: number;
  readonly wrongConditions: number;
  readonly wrongMachines: number;
  readonly orphans: number;
  readonly duplicates: number;
  readonly wrongClaims: number;
  /** Claims that were deleted and were to be kept. */
  readonly lostClaims: number;
  readonly staleWrites: number;
  /** Writes of a former leader that were sent after all, and refused. */
  readonly lateWrites: number;
  /** Processes that ended by themselves though nobody else had the Lease. */
  readonly exits: number;
  /** Writes, but for events, after everything was as it has to be. */
  readonly restless: number;
  readonly terms: number;
  readonly writes: { readonly undisturbed: Writes; readonly disturbed: Writes };
  readonly comparison: Comparison;
  /** Everything that was wrong, in words. */
  readonly findings: readonly string[];
}

export interface Evidence {
  readonly calm: { readonly result: PhaseResult; readonly entries: readonly AuditEntry[] };
  readonly wild: { readonly result: PhaseResult; readonly entries: readonly AuditEntry[] };
  readonly namespaces: { readonly calm: string; readonly wild: string };
  readonly resources: number;
  readonly variants: Variants;
}

/** Judges both parts of a run by what the API server noted. */
export function judge({ calm, wild, namespaces, resources, variants }: Evidence): Verdict {
  const stale = staleWrites(wild.entries);
  const late = lateWrites(wild.entries);
  const lost = lostClaims(wild.entries, namespaces.wild, variants);
  const exits = causelessExits(wild.result, wild.entries);
  const inNamespace = (entries: readonly AuditEntry[], namespace: string) =>
    entries.filter((entry) => entry.namespace === namespace);
  const [calmOnes, wildOnes] = [inNamespace(calm.entries, namespaces.calm), inNamespace(wild.entries, namespaces.wild)];
  const undisturbed = countWrites(calmOnes);
  const disturbed = countWrites(wildOnes);
  // An event tells of what was before, and may wait for others; a name that is taken is asked for now and then.
  const restless = wildOnes.filter(({ receivedAt, resource, code }) => {
    return receivedAt > wild.result.quietFromMs && resource !== 'events' && code < 300;
  });
  const restlessCount = wild.result.findings.length > 0 ? 0 : totalOf(countWrites(restless));
  const perEmulator = (undisturbed.status + undisturbed.events) / Math.max(1, resources);
  const kinds = wild.result.damages.map(({ kind }) => kind);
  const comparison = compareWrites(undisturbed, disturbed, kinds, perEmulator);
  const count = (kind: Finding['kind']) => wild.result.findings.filter((finding) => finding.kind === kind).length;
  return {
    notConverged: count('NotConverged'),
    wrongConditions: count('Conditions'),
    wrongMachines: count('Machines'),
    orphans: count('Orphan'),
    duplicates: count('Duplicate'),
    wrongClaims: count('Claim'),
    lostClaims: lost.length,
    staleWrites: stale.length,
    lateWrites: late.length,
    exits: exits.length,
    restless: restlessCount,
    terms: termsOf(wild.entries).length,
    writes: { undisturbed, disturbed },
    comparison,
    findings: [
      ...calm.result.findings.map((finding) => `undisturbed: ${inWords(finding)}`),
      ...wild.result.findings.map(inWords),
      ...stale.map((entry) => `stale write: ${requestInWords(entry)}`),
      ...late.map((entry) => `late write: ${requestInWords(entry)}`),
      ...lost.map((entry) => `lost claim: ${requestInWords(entry)}`),
      ...exits,
      ...(restlessCount === 0 ? [] : restless.map((entry) => `written when all was quiet: ${requestInWords(entry)}`)),
      ...(comparison.ratio <= ALLOWED_RATIO ? [] : [`writes: ${comparison.ratio} times the undisturbed run's`]),
    ],
  };
}

const COLLECTOR = 'system:serviceaccount:kube-system:generic-garbage-collector';

/** Claims that the operator, or an owner reference of its making, deleted though they were to be kept. */
function lostClaims(entries: readonly AuditEntry[], namespace: string, variants: Variants): AuditEntry[] {
  return entries.filter((entry) => {
    const { verb, resource, code, identity, user, name } = entry;
    if (entry.namespace !== namespace || resource !== 'persistentvolumeclaims' || verb !== 'delete') return false;
    if (code < 200 || code >= 300 || (identity === undefined && user !== COLLECTOR)) return false;
    const emulator = /^win98-disk-(.+)-\d+$/.exec(name)?.[1];
    return emulator === undefined || variants.get(emulator) !== 'persistentDelete';
  });
}

/** An end because somebody else has the Lease may be meant so; any other may not. */
function causelessExits({ ownExits }: PhaseResult, entries: readonly AuditEntry[]): string[] {
  const terms = termsOf(entries);
  return ownExits
    .filter(({ identity, atMs }) => {
      const holder = holderAt(terms, atMs);
      return holder === undefined || isOfPod(holder, identity);
    })
    .map(({ identity, atMs, code, signal }) => {
      return `${identity} ended by itself at ${new Date(atMs).toISOString()} with ${signal ?? code}`;
    });
}

function inWords({ kind, emulator, what }: Finding): string {
  return `${kind} ${emulator}: ${what}`;
}

function requestInWords({
  receivedAt,
  identity,
  user,
  verb,
  resource,
  subresource,
  namespace,
  name,
  code,
}: AuditEntry) {
  const at = new Date(receivedAt).toISOString();
  const what = [resource, subresource].filter((part) => part !== undefined).join('/');
  return `${at} ${identity ?? user} ${verb} ${what} ${namespace}/${name}: ${code}`;
}
