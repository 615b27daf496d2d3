// The process that is killed: a preparation, an import, or both as in one container.
// usage: victim.ts JSON (see VictimOrder); prints "ready" when it begins, and "steps N" when it got through alive.
import { createReadStream, mkdirSync } from 'node:fs';
import { open } from 'node:fs/promises';
import path from 'node:path';
import { pino } from 'pino';
import type { OpenDisk } from '../../src/agent/disk/open-disk.ts';
import { type VolumeFiles, volumeFiles } from '../../src/agent/disk/volume-files.ts';
import { agentPaths, systemClock } from '../../src/agent/environment.ts';
import { importDisk } from '../../src/agent/import/index.ts';
import { openDisk } from '../../src/agent/prepare/index.ts';
import { ReportState } from '../../src/agent/report-state.ts';
import { HARDWARE, PROMISES } from './promises.ts';
import type { VictimOrder } from './victim-order.ts';

const order = JSON.parse(process.argv[2] ?? '') as VictimOrder;
const paths = agentPaths(order.root);
const variables = { KUBERNETES_SERVICE_HOST: '10.96.0.1' };
const handedIn = new AbortController();
let count = 0;

/** No handler runs. A pod's death takes all of its processes; `Process` leaves the children alive for a moment. */
function die(): void {
  process.kill(order.kill?.scope === 'Process' ? process.pid : 0, 'SIGKILL');
}

/** Every function of {@link VolumeFiles} counts as one step. */
function mortal(): VolumeFiles {
  return new Proxy(volumeFiles, {
    get: (target, name: keyof VolumeFiles) => {
      const act = target[name] as (...args: unknown[]) => Promise<unknown>;
      return async (...args: unknown[]) => {
        count += 1;
        const mine = count === order.kill?.step;
        if (mine && order.kill?.side === 'Before') die();
        const result = await act(...args);
        if (mine && order.kill?.side === 'After') die();
        return result;
      };
    },
  });
}

function promise(name: string): void {
  if (order.marks !== undefined) mkdirSync(path.join(order.marks, name), { recursive: true });
}

async function prepare(files: VolumeFiles): Promise<void> {
  const report = new ReportState({ podUid: 'uid-1', phase: 'Starting', message: '' });
  const disk = await openDisk({
    environment: { podName: 'pc-0', podNamespace: 'games', podUid: 'uid-1' },
    variables,
    paths,
    report,
    clock: systemClock,
    log: pino({ level: 'silent' }),
    signal: AbortSignal.timeout(60_000),
    programs: { qemuImg: 'qemu-img', oras: order.oras },
    files,
  });
  if (disk === null) throw new Error('no disk within a minute');
  promise(`${PROMISES.ready}${disk.record.id}`);
  if (order.work === 'Start') await live(disk);
  await disk.close();
}

/** What the record must keep of a guest's life. */
async function live(disk: OpenDisk): Promise<void> {
  await disk.update({ hardware: HARDWARE, state: 'Running' });
  promise(PROMISES.running);
  await writeAsGuest(disk.path);
  promise(PROMISES.stopping);
  const at = new Date().toISOString();
  await disk.update({ state: 'Stopped', lastStop: { kind: 'Clean', at, message: 'The guest shut down.' } });
  promise(PROMISES.stopped);
}

/** A guest writes to its disk, and nobody syncs. */
async function writeAsGuest(disk: string): Promise<void> {
  const file = await open(disk, 'r+');
  try {
    const { size } = await file.stat();
    const block = Buffer.alloc(4096, 'what the guest wrote. ');
    await file.write(block, 0, block.length, size - block.length);
  } finally {
    await file.close();
  }
}

/** Alone, it ends as soon as it has handed its disk in: nobody is there to publish it. */
async function bring(files: VolumeFiles, alone: boolean): Promise<void> {
  const say = (line: string) => {
    if (!line.includes('Handing it')) return;
    promise(PROMISES.handed);
    if (alone) handedIn.abort();
  };
  const { release } = await importDisk({
    input: createReadStream(order.input ?? path.join(order.root, 'none')),
    inputIsTerminal: false,
    say,
    paths,
    variables,
    files,
    clock: systemClock,
    qemuImg: 'qemu-img',
    signal: handedIn.signal,
  });
  await release();
}

process.stdout.write('ready\n');
const files = mortal();
if (order.work === 'Prepare' || order.work === 'Start') await prepare(files);
if (order.work === 'Import') await bring(files, true);
if (order.work === 'Both') await Promise.all([prepare(files), bring(files, false)]);
process.stdout.write(`steps ${count}\n`);
