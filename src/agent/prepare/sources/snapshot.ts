import path from 'node:path';
import type { SnapshotPlan } from '../../../contract/disk-plan.ts';
import type { RegistryAccess } from '../../../oci/oras.ts';
import { resolveReference } from '../../../oci/resolve.ts';
import { runsAlone } from '../../environment.ts';
import type { Failure } from '../../failure.ts';
import type { PrepareContext } from '../context.ts';
import { type StageFailure, type StageOutcome, type StageSnapshot, stageSnapshot } from './snapshot-stage.ts';
import type { DiskSource, StageOptions, StageResult } from './source.ts';

type SnapshotContext = Pick<PrepareContext, 'files' | 'volume' | 'paths' | 'programs' | 'variables' | 'clock' | 'log'>;

/** How long an attempt may take for nothing, in milliseconds; see RegistryAccess and FetchOptions for the defaults. */
export interface RegistryPatience {
  readonly timeoutMilliseconds?: number;
  readonly stallMilliseconds?: number;
}

/** A disk from a registry, by digest: fetched into an OCI layout in the staging folder, then assembled from there. */
export function snapshotSource(context: SnapshotContext, patience: RegistryPatience = {}): DiskSource {
  const staged = path.join(context.volume.staging, 'snapshot.partial');
  const pause = new RegistryPause();
  const refusals = new Refusals();
  return {
    name: 'Snapshot',
    stage: async (options) => {
      const { snapshot } = options.plan;
      if (snapshot === undefined) {
        const message = 'No snapshot is named (disk.snapshot).';
        return { kind: 'Absent', failure: { reason: 'SnapshotNotPlanned', message } };
      }
      const wanted = pause.failure(snapshot.reference, context.clock.now());
      if (wanted !== undefined) return { kind: 'Failed', failure: wanted };
      const outcome = await stageFrom(context, { ...options, ...patience, staged, refusals }, snapshot);
      if (outcome.kind === 'Failed') pause.note(snapshot.reference, outcome.failure, context.clock.now());
      return outcome;
    },
    settle: async (_disk, refused) => {
      if (refused !== undefined) refusals.refuse(refused);
      await context.files.remove(staged);
    },
  };
}

interface SnapshotOptions extends StageOptions, RegistryPatience {
  readonly staged: string;
  readonly refusals: Refusals;
}

async function stageFrom(
  context: SnapshotContext,
  options: SnapshotOptions,
  snapshot: SnapshotPlan,
): Promise<StageResult | StageOutcome> {
  const { paths, programs, variables } = context;
  const access: RegistryAccess = {
    oras: programs.oras,
    registryConfig: paths.registryConfig,
    caFile: paths.registryCA,
    plainHTTP: snapshot.plainHTTP,
    timeoutMilliseconds: options.timeoutMilliseconds,
    signal: options.signal,
  };
  if (snapshot.digest !== undefined) {
    return stageUnlessRefused(context, options, { access, snapshot, digest: snapshot.digest });
  }
  // In a cluster the operator pins the digest; an image that runs alone (`docker run`) asks the registry itself.
  if (!runsAlone(variables)) {
    const message = snapshot.unresolved ?? `Waiting for the operator to find out what ${snapshot.reference} is.`;
    return { kind: 'Waiting', phase: 'AwaitingSnapshot', failure: { reason: 'SnapshotNotResolved', message } };
  }
  const resolved = await resolveReference(snapshot.reference, access);
  if (!resolved.ok) return { kind: 'Failed', failure: resolved.failure };
  return stageUnlessRefused(context, options, { access, snapshot, digest: resolved.value.digest });
}

async function stageUnlessRefused(
  context: SnapshotContext,
  { refusals, ...options }: SnapshotOptions,
  source: Pick<StageSnapshot, 'access' | 'snapshot' | 'digest'>,
): Promise<StageOutcome> {
  const refused = refusals.begin(source, options.plan.volumeLimitBytes);
  if (refused !== undefined) return refused;
  const outcome = await stageSnapshot(context, { ...options, ...source });
  if (outcome.kind === 'Broken') refusals.refuse(outcome.failure);
  return outcome;
}

/** Failures that say something of the moment or the volume, and nothing of what was fetched. */
const PASSING: ReadonlySet<string> = new Set([
  'DiskCheckFailed',
  'DiskUnreadable',
  'DiskAppeared',
  'StagedDiskChanged',
]);

/** What a digest names is always the same: a snapshot that was no use once isn't fetched for that again. */
class Refusals {
  #key = '';
  #volumeLimitBytes: number | undefined;
  #last: { readonly key: string; readonly volumeLimitBytes: number | undefined; readonly failure: Failure } | undefined;

  /** To be called before each attempt; gives what it would come to, where that is known. */
  begin({ snapshot, digest }: Pick<StageSnapshot, 'snapshot' | 'digest'>, volumeLimitBytes: number | undefined) {
    this.#key = JSON.stringify([snapshot.reference, digest, snapshot.path]);
    this.#volumeLimitBytes = volumeLimitBytes;
    if (this.#last?.key !== this.#key) return undefined;
    const { failure } = this.#last;
    if (failure.reason !== 'VolumeTooSmall') return { kind: 'Broken', failure } as const;
    return this.#last.volumeLimitBytes === volumeLimitBytes ? ({ kind: 'Failed', failure } as const) : undefined;
  }

  /** Why what the attempt brought can't be used. */
  refuse(failure: Failure): void {
    if (PASSING.has(failure.reason)) return;
    this.#last = { key: this.#key, volumeLimitBytes: this.#volumeLimitBytes, failure };
  }
}

/** A registry that wants a pause (Retry-After) isn't asked before that is over, however often the disk is tried for. */
class RegistryPause {
  #last: { readonly reference: string; readonly failure: StageFailure; readonly until: number } | undefined;

  note(reference: string, failure: StageFailure, now: number): void {
    if (failure.retryAfterSeconds === undefined) return;
    this.#last = { reference, failure, until: now + failure.retryAfterSeconds * 1000 };
  }

  /** The failure that asked for the pause, while it lasts. */
  failure(reference: string, now: number): StageFailure | undefined {
    return this.#last?.reference === reference && now < this.#last.until ? this.#last.failure : undefined;
  }
}
