import { isDeepStrictEqual } from 'node:util';
import type { Logger } from 'pino';
import type { AgentReport } from '../../contract/agent-report.ts';
import type { Clock } from '../environment.ts';
import { messageOf } from '../failure.ts';
import type { ReportState } from '../report-state.ts';
import type { Volume } from './volume.ts';
import type { VolumeFiles } from './volume-files.ts';

const APART_MILLISECONDS = 1000;

interface KeepOptions {
  readonly files: VolumeFiles;
  readonly volume: Volume;
  readonly report: ReportState;
  readonly clock: Clock;
  readonly log: Logger;
}

/**
 * Keeps the whole report on the volume (`.loco/report.json`), where the termination message of a container is cut: for
 * whoever looks at a volume without its machine. Written when more than the progress changed, at most once a second,
 * without a sync; nothing depends on it, and nothing fails because of it. The caller holds the volume's lock.
 * @returns ends it, with the last report written
 */
export function keepReport({ files, volume, report, clock, log }: KeepOptions): () => Promise<void> {
  const end = new AbortController();
  let kept: AgentReport | undefined;
  let hasFailed = false;
  const write = async (): Promise<void> => {
    const next = withoutProgress(report.current);
    if (isDeepStrictEqual(kept, next)) return;
    kept = next;
    try {
      await files.writeText(volume.stagedReport, `${JSON.stringify(next, null, 2)}\n`);
      await files.rename(volume.stagedReport, volume.report);
    } catch (error) {
      if (!hasFailed) log.warn({ error: messageOf(error) }, 'The report could not be kept on the volume');
      hasFailed = true;
    }
  };
  let writing: Promise<void> | undefined;
  const writeSoon = (): void => {
    if (isDeepStrictEqual(kept, withoutProgress(report.current))) return;
    writing ??= (async () => {
      await write();
      await clock.sleep(APART_MILLISECONDS, end.signal);
      writing = undefined;
      if (!end.signal.aborted) writeSoon();
    })();
  };
  const unsubscribe = report.subscribe(writeSoon);
  writeSoon();
  return async () => {
    unsubscribe();
    end.abort();
    await writing;
    await write();
  };
}

function withoutProgress({ progress: _, ...rest }: AgentReport): AgentReport {
  return rest;
}
