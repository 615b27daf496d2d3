import { setTimeout as sleep } from 'node:timers/promises';
import type { ComponentName, SimulatedCluster } from '../../scripts/cluster/simulated/index.ts';

/** What the run never ends by itself, and what others would start again: kubelet, or systemd. */
const KEPT: readonly ComponentName[] = ['kube-controller-manager', 'kube-scheduler', 'kwok', 'agents'];
const LOOK_MS = 2_000;

/** Watches over the cluster's other programs. */
export interface Keeper {
  /** How often one was started again. */
  readonly restarts: number;
  stop(): Promise<void>;
}

/**
 * Starts again what ended by itself: kube-scheduler does, on purpose, when a pod that it knew is another one after an
 * outage ("Scheduler cache is corrupted").
 */
export function keepControlPlane(cluster: SimulatedCluster, log: (line: string) => void): Keeper {
  const abort = new AbortController();
  let restarts = 0;
  const look = async (name: ComponentName): Promise<void> => {
    const component = cluster.component(name);
    if ((await component.pids()).length > 0) return;
    restarts += 1;
    log(`${name} ended by itself and is started again`);
    await component.start();
  };
  const run = async (): Promise<void> => {
    while (!abort.signal.aborted) {
      for (const name of KEPT) await look(name).catch((error: unknown) => log(`${name}: ${String(error)}`));
      await sleep(LOOK_MS);
    }
  };
  const done = run();
  return {
    get restarts() {
      return restarts;
    },
    stop: async () => {
      abort.abort();
      await done;
    },
  };
}
