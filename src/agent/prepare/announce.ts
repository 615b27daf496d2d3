import type { DiskRecord } from '../../contract/disk-record.ts';
import { reportedDisk } from '../disk/record.ts';
import type { Outcome } from './attempt.ts';
import type { PrepareContext } from './context.ts';
import { type Meter, measure, progressOf } from './progress.ts';
import { importProgress } from './sources/import.ts';
import { volumeFailure } from './take-lock.ts';

/** Step 7: the disk that is ready, in the report and in the log. */
export function reportReady(
  { report, log, clock }: PrepareContext,
  { record, attempts }: Extract<Outcome, { kind: 'Ready' }>,
  started: number,
): void {
  const seconds = Math.round((clock.now() - started) / 100) / 10;
  const passed = attempts.map(({ source, reason }) => `${source} (${reason})`).join(', ');
  report.update({
    phase: 'DiskReady',
    reason: undefined,
    progress: undefined,
    message: `The disk is ready: ${record.source.description}${passed === '' ? '' : `; passed over: ${passed}`}.${insteadOf(record)}`,
    attempts: [...attempts],
    disk: reportedDisk(record),
  });
  const { origin, source, sizeBytes, sha256 } = record;
  log.info({ origin, source, sizeBytes, sha256, seconds, attempts }, 'The disk is ready');
}

function insteadOf({ predecessor }: DiskRecord): string {
  if (predecessor === undefined) return '';
  return ` It took the place of a damaged disk (${predecessor.reason}), which is kept at ${predecessor.path}.`;
}

/** Why there is no disk yet; in the log when it is news. */
export function reportWaiting({ report, log }: PrepareContext, outcome: Extract<Outcome, { kind: 'NotYet' }>): void {
  const { phase, failure, attempts } = outcome;
  const isNews = report.current.phase !== phase || report.current.message !== failure.message;
  report.update({ phase, ...failure, progress: undefined, attempts: [...attempts] });
  if (isNews) log.warn({ phase, ...failure }, 'The disk is not ready');
}

/** Shows, at each look, how far a disk is that a person brings meanwhile. */
export function importWatch(context: PrepareContext): (outcome: Outcome) => Promise<void> {
  const { report, files, volume, clock } = context;
  let meter: Meter | undefined;
  return async (outcome) => {
    if (outcome.kind !== 'NotYet' || outcome.phase !== 'AwaitingDisk') return;
    try {
      const doneBytes = await importProgress(files, volume, clock);
      meter = doneBytes === undefined ? undefined : measure(meter, { step: 'Importing', doneBytes }, clock.now());
      report.update({ progress: meter === undefined ? undefined : progressOf(meter) });
    } catch (error) {
      reportWaiting(context, { ...outcome, phase: 'DiskFailed', failure: volumeFailure(error) });
    }
  };
}
