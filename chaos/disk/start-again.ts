import { createReadStream } from 'node:fs';
import { volumeFiles } from '../../src/agent/disk/volume-files.ts';
import { systemClock } from '../../src/agent/environment.ts';
import { importDisk } from '../../src/agent/import/index.ts';
import { type OpenDiskOptions, openDisk } from '../../src/agent/prepare/index.ts';
import type { DiskWorkbench } from '../../test/agent/disk-workbench.ts';
import type { Fixtures } from './fixtures.ts';
import type { Finding } from './visible.ts';

/** Longer than any backoff of the preparation's. */
const LIMIT_MILLISECONDS = 90_000;
const LOOK_MILLISECONDS = 20;

/**
 * Starts a preparation and waits until its disk is ready; when it asks a person for a disk, it gets one, as often as it
 * takes.
 * @param mayAsk whether asking is right
 * @returns a finding when it doesn't end, or asks though it may not
 */
export async function startAgain(
  bench: DiskWorkbench,
  fixtures: Pick<Fixtures, 'registry' | 'disk'>,
  change: Partial<OpenDiskOptions> = {},
  mayAsk = true,
): Promise<Finding[]> {
  const files = change.files ?? volumeFiles;
  const ended = new AbortController();
  const asked = new AbortController();
  const unsubscribe = bench.report.subscribe(({ phase }) => {
    if (phase === 'AwaitingDisk') asked.abort();
  });
  const limit = setTimeout(() => bench.stop.abort(), LIMIT_MILLISECONDS);
  const programs = { qemuImg: 'qemu-img', oras: fixtures.registry.oras };
  const person = giveDisk(bench, fixtures.disk, { ...change, files }, ended.signal);
  try {
    const disk = await openDisk(bench.options({ programs, random: () => 0, ...change }));
    await disk?.close();
    const { reason, message } = bench.report.current;
    if (disk === null) return [{ kind: 'Wrong', what: `the start doesn't end: ${reason}: ${message}` }];
    return asked.signal.aborted && !mayAsk ? [{ kind: 'Lost', what: 'the import that was handed in' }] : [];
  } finally {
    clearTimeout(limit);
    unsubscribe();
    ended.abort();
    await person;
  }
}

async function giveDisk(
  bench: DiskWorkbench,
  disk: string,
  { files = volumeFiles }: Partial<OpenDiskOptions>,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    await systemClock.sleep(LOOK_MILLISECONDS, signal);
    if (bench.report.current.phase !== 'AwaitingDisk') continue;
    const { release } = await importDisk({
      input: createReadStream(disk),
      inputIsTerminal: false,
      say: () => undefined,
      paths: bench.paths,
      variables: { KUBERNETES_SERVICE_HOST: '10.96.0.1' },
      files,
      clock: systemClock,
      qemuImg: 'qemu-img',
      signal,
    });
    await release();
  }
}
