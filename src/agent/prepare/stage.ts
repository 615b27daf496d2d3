import type { Attempt } from '../../contract/agent-report.ts';
import type { DiskPlan } from '../../contract/disk-plan.ts';
import type { DiskRecord } from '../../contract/disk-record.ts';
import type { Reason } from '../../contract/reason.ts';
import { inspectDisk } from '../disk/inspect.ts';
import type { Qcow2Header } from '../disk/qcow2-header.ts';
import type { Failure } from '../failure.ts';
import { sourcesFor } from './choose-sources.ts';
import { type PrepareContext, progressReporter } from './context.ts';
import type { Legacy } from './legacy.ts';
import { checkGrowth } from './preflight.ts';
import type { Done } from './progress.ts';
import { publish } from './publish.ts';
import type { DiskSource, SourceName, StagedDisk } from './sources/source.ts';

export type Sources = Readonly<Record<SourceName, DiskSource>>;

type Tried = Attempt & Failure;

/** How one walk along the row of sources ended. */
export type PassResult =
  | { readonly kind: 'Published'; readonly record: DiskRecord; readonly attempts: readonly Attempt[] }
  | {
      readonly kind: 'None';
      readonly phase: 'AwaitingDisk' | 'AwaitingSnapshot' | 'DiskFailed';
      readonly failure: Failure;
      readonly attempts: readonly Attempt[];
    };

/**
 * Steps 3 to 6: the first source of the row that has a disk gives it; it is staged, inspected and published. Every
 * source that was passed over is in `attempts`, with the reason.
 */
export async function prepareFromSources(
  context: PrepareContext,
  plan: DiskPlan,
  sources: Sources,
  legacy: Legacy,
): Promise<PassResult> {
  const attempts: Tried[] = [];
  const onProgress = progressReporter(context);
  for (const name of sourcesFor(plan)) {
    const source = sources[name];
    const staged = await source.stage({ plan, signal: context.signal, onProgress });
    if (staged.kind === 'Staged') {
      const published = await verifyAndPublish(context, plan, source, staged.disk, legacy, onProgress);
      if (published.ok) return { kind: 'Published', record: published.value, attempts };
      attempts.push({ source: name, ...published.failure });
      if (published.again) return { kind: 'None', phase: 'DiskFailed', failure: published.failure, attempts };
      continue;
    }
    attempts.push({ source: name, ...staged.failure });
    if (staged.kind === 'Failed') return { kind: 'None', phase: 'DiskFailed', failure: staged.failure, attempts };
    if (staged.kind === 'Waiting') {
      return {
        kind: 'None',
        phase: staged.phase,
        failure: withAttempts(staged.failure, attempts.slice(0, -1)),
        attempts,
      };
    }
  }
  return { kind: 'None', phase: 'DiskFailed', failure: nothingFound(attempts), attempts };
}

type Judged<T> =
  | { readonly ok: true; readonly value: T }
  /** `again`: the same source may do better next time, so the row must not go on to another. */
  | { readonly ok: false; readonly failure: Failure; readonly again: boolean };

/** Step 5 and 6. */
async function verifyAndPublish(
  context: PrepareContext,
  plan: DiskPlan,
  source: DiskSource,
  staged: StagedDisk,
  legacy: Legacy,
  onProgress: (done: Done) => void,
): Promise<Judged<DiskRecord>> {
  const { files, volume, clock } = context;
  const bytes = { doneBytes: staged.sizeBytes, totalBytes: staged.sizeBytes };
  onProgress({ step: 'Checking', ...bytes });
  const judged = await judge(context, plan, source.name, staged);
  if (!judged.ok) {
    await source.settle(staged, judged.failure);
    return judged;
  }
  onProgress({ step: 'Publishing', ...bytes });
  const published = await publish({ files, volume, clock, staged, header: judged.value, legacy });
  await source.settle(staged, published.ok ? undefined : published.failure);
  return published.ok ? published : { ...published, again: true };
}

/** What could not be looked at, so that nothing is known of it; the staged file is ours, and was whole a moment ago. */
const UNJUDGED: ReadonlySet<Reason> = new Set(['DiskCheckFailed', 'DiskUnreadable', 'DiskNotAFile']);

async function judge(
  { programs, signal }: PrepareContext,
  plan: DiskPlan,
  source: SourceName,
  staged: StagedDisk,
): Promise<Judged<Qcow2Header>> {
  const header = await inspectDisk(programs.qemuImg, staged.path, signal);
  signal.throwIfAborted();
  // The check could not be done, or a person can bring another disk: neither says anything about the next source.
  if (!header.ok) return { ...header, again: source === 'Import' || UNJUDGED.has(header.failure.reason) };
  const growth = checkGrowth(plan, header.value.virtualBytes);
  return growth.ok ? header : { ...growth, again: true };
}

/** The line to paste stays at the end. */
function withAttempts(failure: Failure, passedOver: readonly Tried[]): Failure {
  const messages = [...passedOver.map(({ message }) => message), failure.message];
  return { reason: failure.reason, message: messages.join(' ') };
}

function nothingFound(attempts: readonly Tried[]): Failure {
  const only = attempts.length === 1 ? attempts[0] : undefined;
  return {
    reason: only?.reason ?? 'NoDiskSource',
    message: `No disk could be had. Tried: ${listed(attempts)} Use an image with a disk built in, or name a snapshot (disk.snapshot).`,
  };
}

function listed(attempts: readonly Tried[]): string {
  return attempts.map(({ source, reason, message }) => `${source} (${reason}): ${message}`).join(' ');
}
