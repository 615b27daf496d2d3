import { setTimeout as delay } from 'node:timers/promises';
import { Machine } from '../../test/e2e/support/machine.ts';
import type { Scenario } from '../../test/e2e/support/scenario.ts';
import { vncLogin } from '../../test/e2e/support/vnc.ts';
import { type MemoryUse, PRINT_MEMORY_USE, parseMemoryUse } from './memory-use.ts';

/** What came of it; memory in MiB. */
export interface MemoryCounts {
  readonly minutes: number;
  readonly limit: number;
  readonly peakOfProcesses: number;
  /** With page cache. */
  readonly peak: number;
  readonly kills: number;
  readonly restarts: number;
  /** Rounds of load that the guest has done. */
  readonly rounds: number;
  /** How often all the guest's memory was written anew. */
  readonly memoryWritten: number;
  readonly viewers: number;
}

const SAMPLE_MILLISECONDS = 30_000;
/** After so many samples the screen is looked at, and the guest's memory written anew. */
const LOOK_EVERY = 4;
const WRITE_EVERY = 40;
/** Seconds between two rounds of load: about a fifth of a core. */
const LOAD_PAUSE = 1;

const NAME = 'hour';

/**
 * Keeps a machine with the default memory and the computed limit under load: the guest fills its memory, writes its
 * disk and runs new code round after round, and somebody looks at its screen now and then.
 */
export async function loadMemory(
  scenario: Scenario,
  minutes: number,
  say: (message: string) => void,
): Promise<MemoryCounts> {
  await scenario.applyEmulator(NAME, {
    storage: { mode: 'Persistent', size: '3Gi' },
    machine: { memory: '512Mi' },
  });
  await scenario.ready(NAME);
  const guest = new Machine(scenario, NAME);
  await guest.type(`load ${LOAD_PAUSE}`);
  const password = await vncPassword(scenario);
  const samples: MemoryUse[] = [];
  let [memoryWritten, viewers] = [0, 0];
  const end = performance.now() + minutes * 60_000;
  for (let count = 0; performance.now() < end; count += 1) {
    if (count % WRITE_EVERY === 0) {
      await guest.type('memory', 600_000);
      memoryWritten += 1;
    }
    if (count % LOOK_EVERY === 0) {
      await scenario.cluster.screenshot(scenario.namespace, guest.pod);
      if ((await vncLogin(scenario, guest.pod, password)) === 'accepted') viewers += 1;
    }
    const sample = parseMemoryUse(await guest.run(['sh', '-c', PRINT_MEMORY_USE]));
    samples.push(sample);
    say(`${mebibytes(sample.processes)} MiB of processes, ${mebibytes(sample.used)} of ${mebibytes(sample.limit)} MiB`);
    await delay(SAMPLE_MILLISECONDS);
  }
  await guest.type('status', 120_000);
  const pod = await scenario.cluster.core.readNamespacedPod({ name: guest.pod, namespace: scenario.namespace });
  return {
    minutes,
    limit: mebibytes(Math.max(...samples.map(({ limit }) => limit))),
    peakOfProcesses: mebibytes(Math.max(...samples.map(({ processes }) => processes))),
    peak: mebibytes(Math.max(...samples.map(({ peak }) => peak))),
    kills: Math.max(...samples.map(({ kills }) => kills)),
    restarts: pod.status?.containerStatuses?.[0]?.restartCount ?? 0,
    rounds: Number(await guest.said('rounds')),
    memoryWritten,
    viewers,
  };
}

async function vncPassword(scenario: Scenario): Promise<string> {
  const secret = await scenario.cluster.core.readNamespacedSecret({
    name: `${NAME}-vnc`,
    namespace: scenario.namespace,
  });
  return Buffer.from(secret.data?.['password'] ?? '', 'base64').toString();
}

function mebibytes(bytes: number): number {
  return Math.round(bytes / (1024 * 1024));
}
