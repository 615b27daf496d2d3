import { setTimeout as sleep } from 'node:timers/promises';
import type { SimulatedCluster } from '../../scripts/cluster/simulated/index.ts';
import type { Finding } from './converged.ts';

export interface SettleOptions {
  /** Everything that isn't as it has to be now. */
  readonly look: () => Promise<readonly Finding[]>;
  readonly cluster: SimulatedCluster;
  /** After this time what is still found is the result. */
  readonly seconds: number;
  readonly log: (line: string) => void;
}

/** How it came to rest. */
export interface Settled {
  /** What still wasn't as it has to be when the time was over. */
  readonly findings: readonly Finding[];
  /** From the last fault until everything was as it has to be. */
  readonly settledMs: number;
  /** When everything was as it has to be. */
  readonly quietFromMs: number;
  /** See {@link settle}. */
  readonly collectorRestarts: number;
}

/** So long everything has to stay as it is, and nothing may be written. */
const QUIET_MS = 3_000;
const LOOK_MS = 1_000;
/** Kubernetes' garbage collector takes seconds. */
const COLLECTOR_PATIENCE_MS = 20_000;

/**
 * Waits until everything is as it has to be, and stays so.
 *
 * Kubernetes' garbage collector hears of an owner that was deleted and made anew under the same name while it was cut off
 * as of one change, and then never collects what the old one owned (its graph keeps the old UID). No operator can mend
 * that; so when nothing but such orphans is left for long, the controllers are started anew, once.
 */
export async function settle({ look, cluster, seconds, log }: SettleOptions): Promise<Settled> {
  const began = performance.now();
  let quietSince: number | undefined;
  let told = '';
  let collectorRestarts = 0;
  while (true) {
    const findings = await look();
    const now = performance.now();
    if (findings.length > 0) quietSince = undefined;
    else quietSince ??= now;
    const first = findings[0];
    const words = first === undefined ? 'all is well' : `${findings.length} to go: ${first.emulator}: ${first.what}`;
    if (words !== told) log(words);
    told = words;
    const late = now - began > seconds * 1000;
    if (late || (quietSince !== undefined && now - quietSince >= QUIET_MS)) {
      const settledMs = Math.round((quietSince ?? now) - began);
      return {
        findings,
        settledMs,
        quietFromMs: Date.now() - (performance.now() - (quietSince ?? now)),
        collectorRestarts,
      };
    }
    if (collectorRestarts === 0 && now - began > COLLECTOR_PATIENCE_MS && findings.some(isUncollected)) {
      collectorRestarts += 1;
      log('the garbage collector missed a deletion: the controllers are started anew');
      await cluster.component('kube-controller-manager').kill();
      await cluster.component('kube-controller-manager').start();
    }
    await sleep(LOOK_MS);
  }
}

/** It waits for the garbage collector alone: what it is of is gone. */
function isUncollected({ kind, what }: Finding): boolean {
  return (kind === 'Orphan' && what.endsWith('which is gone')) || what.includes('PredecessorLeaving');
}
