import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pino } from 'pino';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { agentReportSchema } from '../../contract/agent-report.ts';
import { systemClock } from '../environment.ts';
import { ReportState } from '../report-state.ts';
import { keepReport } from './kept-report.ts';
import { type Volume, volumeOf } from './volume.ts';
import { type VolumeFiles, volumeFiles } from './volume-files.ts';

let root: string;
let volume: Volume;
let report: ReportState;
let texts: string[];
const log = pino({ level: 'silent' });

beforeEach(async () => {
  root = await mkdtemp(path.join(tmpdir(), 'loco-report-'));
  volume = volumeOf(path.join(root, 'win98.qcow2'));
  await volumeFiles.makeFolder(volume.folder);
  report = new ReportState({ podUid: 'uid-1', phase: 'Preparing', message: 'one' });
  texts = [];
});

afterEach(() => rm(root, { recursive: true }));

/** Counts the writes. */
function counted(): VolumeFiles {
  return {
    ...volumeFiles,
    writeText: (name, text) => {
      texts.push(text);
      return volumeFiles.writeText(name, text);
    },
  };
}

async function onVolume() {
  return agentReportSchema.parse(JSON.parse(await readFile(volume.report, 'utf8')));
}

test('the whole report lies on the volume when its keeper ends, however fast it changed', async () => {
  const end = keepReport({ files: counted(), volume, report, clock: systemClock, log });
  const message = 'm'.repeat(20_000);
  for (let index = 0; index < 50; index += 1) report.update({ message: `${index}` });
  report.update({ phase: 'DiskFailed', message });
  await end();
  expect(await onVolume()).toEqual(report.current);
  // At the beginning, and at the end: a second lies between two writes.
  expect(texts.length).toBe(2);
});

test('a change is on the volume within two seconds, and progress alone is none', async () => {
  const end = keepReport({ files: counted(), volume, report, clock: systemClock, log });
  report.update({ message: 'two' });
  await vi.waitFor(async () => expect((await onVolume()).message).toBe('two'), { timeout: 20_000 });
  const before = texts.length;
  report.update({ progress: { step: 'Copying', doneBytes: 5 } });
  await end();
  expect(texts.length).toBe(before);
});

test('a volume that takes nothing hurts nobody, and is told of once', async () => {
  const warn = vi.spyOn(log, 'warn');
  const full: VolumeFiles['writeText'] = () => Promise.reject(new Error('ENOSPC: no space left on device'));
  const end = keepReport({ files: { ...volumeFiles, writeText: full }, volume, report, clock: systemClock, log });
  report.update({ message: 'two' });
  await end();
  expect(warn).toHaveBeenCalledTimes(1);
});
