import path from 'node:path';
import type { SnapshotPlan } from '../../../contract/disk-plan.ts';
import type { RegistryAccess } from '../../../oci/oras.ts';
import { resolveReference } from '../../../oci/resolve.ts';
import { runsAlone } from '../../environment.ts';
import type { PrepareContext } from '../context.ts';
import { type StageFailure, type StageOutcome, stageSnapshot } from './snapshot-stage.ts';
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
      const outcome = await stageFrom(context, { ...options, ...patience, staged }, snapshot);
      if (outcome.kind === 'Failed') pause.note(snapshot.reference, outcome.failure, context.clock.now());
      return outcome;
    },
    settle: () => context.files.remove(staged),
  };
}

async function stageFrom(
  context: SnapshotContext,
  options: StageOptions & RegistryPatience & { readonly staged: string },
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
    return stageSnapshot(context, { ...options, access, snapshot, digest: snapshot.digest });
  }
  // In a cluster the operator pins the digest; an image that runs alone (`docker run`) asks the registry itself.
  if (!runsAlone(variables)) {
    const message = snapshot.unresolved ?? `Waiting for the operator to find out what ${snapshot.reference} is.`;
    return { kind: 'Waiting', phase: 'AwaitingSnapshot', failure: { reason: 'SnapshotNotResolved', message } };
  }
  const resolved = await resolveReference(snapshot.reference, access);
  if (!resolved.ok) return { kind: 'Failed', failure: resolved.failure };
  return stageSnapshot(context, { ...options, access, snapshot, digest: resolved.value.digest });
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
