import { createHash, randomUUID } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { isDeepStrictEqual } from 'node:util';
import type { DiskRecord } from '../../contract/disk-record.ts';
import { identityOf } from '../disk/identity.ts';
import { inspectDisk } from '../disk/inspect.ts';
import { writeRecord } from '../disk/record.ts';
import type { FileFacts } from '../disk/volume-files.ts';
import { failed, type Result, success } from '../failure.ts';
import { type PrepareContext, progressReporter } from './context.ts';
import type { Legacy } from './legacy.ts';
import { keepRecord } from './quarantine.ts';

/**
 * Takes a disk that somebody put on the volume as the machine's own, after the same inspection as any other. It is
 * never changed or overwritten here.
 * @param legacy what the machine had before; kept, so that a restored disk finds the hardware it knows
 * @param description how it came there, for people
 */
export async function adoptDisk(
  context: PrepareContext,
  facts: FileFacts,
  { hardware, predecessor }: Legacy,
  description: string,
): Promise<Result<DiskRecord>> {
  const { volume, files, clock, programs, signal, report, log } = context;
  report.update({ phase: 'Preparing', message: `A disk was found at ${volume.disk}: it is checked.` });
  const header = await inspectDisk(programs.qemuImg, volume.disk, signal);
  if (!header.ok) return header;
  const sha256 = await hashOf(context, facts.sizeBytes);
  if (!isDeepStrictEqual(await files.facts(volume.disk), facts)) {
    return failed(
      'DiskChanging',
      `Somebody still writes to ${volume.disk}. It is taken as soon as it stays as it is while it is checked.`,
    );
  }
  const at = new Date(clock.now()).toISOString();
  const record: DiskRecord = {
    schemaVersion: 1,
    id: randomUUID(),
    ...identityOf(facts),
    sizeBytes: facts.sizeBytes,
    sha256,
    virtualSizeBytes: header.value.virtualBytes,
    origin: 'Imported',
    source: { description },
    preparedAt: at,
    ...(hardware === undefined ? {} : { hardware }),
    ...(predecessor === undefined ? {} : { predecessor }),
    state: 'Prepared',
    lastCheck: { at, result: 'Ok' },
  };
  await keepRecord(files, volume, clock);
  await files.syncFile(volume.disk);
  await writeRecord(files, volume, record);
  log.info({ sha256, sizeBytes: facts.sizeBytes, description }, 'Adopted a disk that was not made here');
  return success(record);
}

async function hashOf(context: PrepareContext, totalBytes: number): Promise<string> {
  const onProgress = progressReporter(context);
  const hash = createHash('sha256');
  let doneBytes = 0;
  const stream = createReadStream(context.volume.disk, { highWaterMark: 1024 * 1024, signal: context.signal });
  for await (const piece of stream as AsyncIterable<Buffer>) {
    hash.update(piece);
    doneBytes += piece.length;
    onProgress({ step: 'Checking', doneBytes, totalBytes });
  }
  return hash.digest('hex');
}
