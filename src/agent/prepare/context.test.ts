import { pino } from 'pino';
import { expect, test, vi } from 'vitest';
import { ReportState } from '../report-state.ts';
import { type PrepareContext, progressReporter } from './context.ts';

const MEBIBYTE = 1024 ** 2;

test('progress is in the report at most twice a second, and in the log every ten, with rate and time left', () => {
  let now = 1_700_000_000_000;
  const log = pino({ level: 'silent' });
  const info = vi.spyOn(log, 'info');
  const report = new ReportState({ podUid: 'uid-1', phase: 'DiskFailed', message: 'before' });
  let changes = 0;
  report.subscribe(() => {
    changes += 1;
  });
  const clock = { now: () => now, elapsed: () => now, sleep: () => Promise.resolve() };
  const onProgress = progressReporter({ report, log, clock } as unknown as PrepareContext);
  // 100 MiB/s for 20 seconds, looked at a hundred times a second.
  for (let look = 0; look <= 2000; look += 1, now += 10) {
    onProgress({ step: 'Pulling', doneBytes: look * MEBIBYTE, totalBytes: 4000 * MEBIBYTE });
  }
  expect(changes).toBe(41);
  expect(info).toHaveBeenCalledTimes(2);
  expect(info.mock.calls[1]?.[0]).toEqual({
    step: 'Pulling',
    doneBytes: 2000 * MEBIBYTE,
    totalBytes: 4000 * MEBIBYTE,
    percent: 50,
    bytesPerSecond: 100 * MEBIBYTE,
    secondsLeft: 20,
  });
  expect(report.current).toMatchObject({ phase: 'Preparing', progress: { percent: 50, secondsLeft: 20 } });
  expect(report.current.reason).toBeUndefined();
});
