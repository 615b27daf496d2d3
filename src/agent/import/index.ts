import { randomUUID } from 'node:crypto';
import { inspectDisk } from '../disk/inspect.ts';
import { takeLock } from '../disk/lock.ts';
import { readRecord } from '../disk/record.ts';
import { mebibytes, spaceOf } from '../disk/space.ts';
import { sparseCopy } from '../disk/sparse-copy.ts';
import type { Written } from '../disk/sparse-writer.ts';
import { type Volume, volumeOf } from '../disk/volume.ts';
import type { VolumeFiles } from '../disk/volume-files.ts';
import type { AgentPaths, Clock } from '../environment.ts';
import { failed, messageOf, type Result, success } from '../failure.ts';
import { readPlan, type Variables } from '../plan.ts';
import { importPossible } from '../prepare/choose-sources.ts';
import { targetFailure } from '../prepare/sources/target-failure.ts';
import { handIn, PARTIAL_NAME, partialFile, readParcel, readRefusal } from './inbox.ts';
import { RefusedInput, refuseEarly, whileThereIsRoom } from './input.ts';

export interface ImportOptions {
  readonly input: AsyncIterable<Uint8Array>;
  /** True when nobody gave a file and a person's keyboard is the input. */
  readonly inputIsTerminal: boolean;
  /** Lines for the person at the terminal. */
  readonly say: (line: string) => void;
  readonly paths: Pick<AgentPaths, 'disk' | 'plan'>;
  readonly variables: Variables;
  readonly files: VolumeFiles;
  readonly clock: Clock;
  readonly qemuImg: string;
  readonly signal: AbortSignal;
}

const LOOK_MILLISECONDS = 200;
const SAY_BYTES = 64 * 1024 ** 2;

/** How an import ended. Until it is released, or the process ends, the preparation lets the container live. */
export interface ImportEnd {
  readonly result: Result<string>;
  release(): Promise<void>;
}

/**
 * `loco-agent import`: a disk from standard input, staged, inspected, and handed to the preparation that waits for it;
 * ends when that has published it, or with what is wrong and what to do.
 */
export async function importDisk(options: ImportOptions): Promise<ImportEnd> {
  const volume = volumeOf(options.paths.disk);
  const allowed = await mayImport(options, volume);
  if (!allowed.ok) return refused(allowed);
  await options.files.makeFolder(volume.staging);
  const since = new Date(options.clock.now()).toISOString();
  const attempt = await takeLock(volume.importLock, { name: 'an import', since });
  if (attempt.kind === 'Unsupported') return refused({ ok: false, failure: attempt.failure });
  if (attempt.kind === 'Busy') {
    const began = attempt.holder?.since ?? 'a moment ago';
    return refused(failed('ImportRunning', `Another import runs since ${began}. Wait for it.`));
  }
  try {
    return { result: await importLocked(options, volume), release: () => attempt.lock.release() };
  } catch (error) {
    await attempt.lock.release();
    throw error;
  }
}

function refused(result: Result<string>): ImportEnd {
  return { result, release: async () => undefined };
}

/** Whether this machine takes a disk from a person at all, and now. */
async function mayImport(
  { paths, variables, files, inputIsTerminal }: ImportOptions,
  volume: Volume,
): Promise<Result<undefined>> {
  if (inputIsTerminal) {
    return failed('NoInput', 'Nothing stands on standard input. Give the disk: … loco-agent import < win98.qcow2');
  }
  const plan = await readPlan(paths.plan, variables);
  if (!plan.ok) return plan;
  if ((await files.facts(volume.disk)) !== undefined) {
    return failed('DiskPresent', 'This machine has a disk already; it is not replaced.');
  }
  if (!importPossible(plan.value)) {
    const { mode, source } = plan.value;
    return failed(
      'ImportNotPossible',
      `A machine with storage mode ${mode} and disk.source ${source} takes no import.${why(mode)}`,
    );
  }
  return success(undefined);
}

function why(mode: string): string {
  return mode === 'Ephemeral'
    ? ' Its disk is made anew at every start. Use Persistent.'
    : ' Set disk.source to Import, or use storage mode Persistent with disk.source Auto.';
}

async function importLocked(options: ImportOptions, volume: Volume): Promise<Result<string>> {
  const { files } = options;
  if ((await readParcel(files, volume)) !== undefined) {
    return failed('ImportWaiting', 'Another import is about to become the disk of this machine.');
  }
  // What killed imports left; nobody else writes such files while we have the lock.
  for (const name of await files.list(volume.staging)) {
    if (PARTIAL_NAME.test(name)) await files.remove(`${volume.staging}/${name}`);
  }
  const id = randomUUID();
  let isHandedIn = false;
  try {
    const handedIn = await receiveAndHandIn(options, volume, id);
    if (!handedIn.ok) return handedIn;
    isHandedIn = true;
  } finally {
    // What is refused must not fill the volume. After the handing in, the file belongs to the preparation.
    if (!isHandedIn) await files.remove(partialFile(volume, id));
  }
  return waitForPublication(options, volume, id);
}

async function receiveAndHandIn(options: ImportOptions, volume: Volume, id: string): Promise<Result<undefined>> {
  const { files, say, qemuImg, signal } = options;
  const partial = partialFile(volume, id);
  const written = await receive(options, volume, partial);
  if (!written.ok) return written;
  say(`Received ${written.value.sizeBytes} bytes (sha256:${written.value.sha256}). Checking the disk.`);
  const header = await inspectDisk(qemuImg, partial, signal);
  if (!header.ok) return header;
  const facts = await files.facts(partial);
  if (facts === undefined) return goneMeanwhile();
  await handIn(files, volume, { id, file: `import-${id}.partial`, inode: facts.inode, ...written.value });
  say('The disk is whole and sound. Handing it to the machine.');
  return success(undefined);
}

function goneMeanwhile() {
  return failed('DiskPresent', 'The machine got a disk from elsewhere meanwhile; the import was not used.');
}

async function receive(options: ImportOptions, volume: Volume, partial: string): Promise<Result<Written>> {
  const { say, signal } = options;
  const { freeBytes } = await spaceOf(volume.root);
  let said = 0;
  try {
    const input = whileThereIsRoom(refuseEarly(options.input), () => spaceOf(volume.root));
    const written = await sparseCopy(input, partial, {
      signal,
      onProgress: (done) => {
        if (done - said < SAY_BYTES) return;
        said = done;
        say(`Received ${mebibytes(done)} MiB so far.`);
      },
    });
    return success(written);
  } catch (error) {
    if (error instanceof RefusedInput) return { ok: false, failure: error.failure };
    const failure = targetFailure(error);
    if (failure?.reason === 'NoSpace') {
      return failed('NoSpace', `${failure.message} ${mebibytes(freeBytes)} MiB were free when the import began.`);
    }
    if (failure !== undefined) return { ok: false, failure };
    return failed(
      'ImportInterrupted',
      `The import was interrupted (${messageOf(error)}). Nothing was changed; try again.`,
    );
  }
}

async function waitForPublication(
  { files, clock, signal }: ImportOptions,
  volume: Volume,
  id: string,
): Promise<Result<string>> {
  while (!signal.aborted) {
    // Asked first: once the parcel is gone, the record and the refusal that are read after it are final.
    const waiting = (await readParcel(files, volume))?.id === id;
    const record = await readRecord(files, volume.record);
    if (record.kind === 'Record' && record.record.id === id) {
      return success('Imported: this is the disk of the machine now. The machine starts.');
    }
    const refusal = await readRefusal(files, volume);
    if (refusal?.id === id) return failed(refusal.reason, refusal.message);
    if (!waiting) return goneMeanwhile();
    await clock.sleep(LOOK_MILLISECONDS, signal);
  }
  return failed(
    'ImportInterrupted',
    'Interrupted. The disk was handed in and may still become the disk of this machine.',
  );
}
