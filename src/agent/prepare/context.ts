import type { Logger } from 'pino';
import type { Progress } from '../../contract/agent-report.ts';
import type { Volume } from '../disk/volume.ts';
import type { VolumeFiles } from '../disk/volume-files.ts';
import type { AgentEnvironment, AgentPaths, Clock } from '../environment.ts';
import type { Variables } from '../plan.ts';
import type { ReportState } from '../report-state.ts';
import { type Done, type Meter, measure, progressOf } from './progress.ts';

/** Programs that the preparation runs, by name or path. */
export interface Programs {
  readonly qemuImg: string;
  readonly oras: string;
}

/** What every step of the preparation gets. */
export interface PrepareContext {
  readonly environment: Pick<AgentEnvironment, 'podName' | 'podNamespace' | 'podUid'>;
  /** The container that this runs in, for the line that a person pastes to import a disk. */
  readonly container: string;
  readonly variables: Variables;
  readonly paths: AgentPaths;
  readonly volume: Volume;
  readonly files: VolumeFiles;
  readonly programs: Programs;
  readonly report: ReportState;
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: Logger;
  readonly signal: AbortSignal;
}

const MESSAGES: Readonly<Record<Progress['step'], string>> = {
  Copying: 'The disk is being written to the volume.',
  Pulling: 'The snapshot is being fetched from its registry.',
  Importing: 'An import is coming in.',
  Checking: 'The disk is being checked.',
  Publishing: 'The disk is being put in place.',
};

const REPORT_MILLISECONDS = 500;
const LOG_MILLISECONDS = 10_000;

/**
 * Passes progress on, with its rate: to the report at most twice a second, and to the log every ten seconds, so that a
 * step of an hour can be followed and one of a second makes no noise.
 */
export function progressReporter({ report, log, clock }: PrepareContext): (done: Done) => void {
  let meter: Meter | undefined;
  let reported = 0;
  let logged = clock.now();
  return (done) => {
    const now = clock.now();
    if (done.step === meter?.done.step && now - reported < REPORT_MILLISECONDS) return;
    meter = measure(meter, done, now);
    reported = now;
    const progress = progressOf(meter);
    // Whatever failed before, now it goes on.
    report.update({ phase: 'Preparing', reason: undefined, message: MESSAGES[progress.step], progress });
    if (now - logged < LOG_MILLISECONDS) return;
    logged = now;
    log.info(progress, 'Preparing the disk');
  };
}
