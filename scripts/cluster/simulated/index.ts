import { apiServerUrl } from '../local/components.ts';
import { down } from '../local/down.ts';
import { type Layout, layoutOf, simulatedClustersFolder } from '../local/layout.ts';
import { hasEnded, listProcesses, signal } from '../local/processes.ts';
import { waitFor } from '../wait.ts';
import { bringUp, type Running, type SimulatedOptions } from './bring-up.ts';
import type { ComponentName } from './components.ts';
import { type ComponentControl, controlOf } from './control.ts';
import { entrances } from './entrances.ts';
import { type InsideOptions, type InsideProcess, spawnInside } from './inside.ts';

export type { ComponentName } from './components.ts';
export type { ComponentControl } from './control.ts';
export type { Exit, InsideOptions, InsideProcess } from './inside.ts';

/**
 * A Kubernetes whose control plane is real and whose nodes, pods, volumes and agents are made up, in namespaces of the
 * kernel of its own. It is made for one run, and nothing of it outlives `down`.
 */
export interface SimulatedCluster {
  /** Path of an administrator's kubeconfig; its server can be reached from inside and from this machine. */
  readonly kubeconfig: string;
  /** Path of the API server's audit log: every request, one JSON document per line; never rotated. */
  readonly auditLog: string;
  /** Path of kubectl. */
  readonly kubectl: string;
  /** Where the API server listens: `https://ADDRESS:PORT`. */
  readonly server: string;
  /** Folder with `ca.crt`, and `apiserver.crt` and `.key`, which are good for `hostAddress` and 127.0.0.1 as well. */
  readonly pki: string;
  /** This machine's own address as it is seen from inside. */
  readonly hostAddress: string;
  component(name: ComponentName): ComponentControl;
  /** Starts a program inside, on whose network every pod's agent answers. */
  spawn(command: readonly string[], options: InsideOptions): Promise<InsideProcess>;
  down(): Promise<void>;
}

/** Where the simulated cluster of this name keeps what it has. */
export function simulatedLayout(name: string): Layout {
  return layoutOf(simulatedClustersFolder, name);
}

/** Takes the simulated cluster of this name away, whatever of it is there. */
export async function removeSimulatedCluster(name: string): Promise<void> {
  const layout = simulatedLayout(name);
  // What waits outside for a process that is stopped wouldn't hear of its end, and would hold on to the network.
  for (const { pid } of entrances(await listProcesses(), layout)) {
    signal(pid, 'SIGKILL');
    await waitFor(`process ${pid} to end`, async () => ((await hasEnded(pid)) ? true : undefined), { seconds: 10 });
  }
  await down(layout);
}

/** Somebody who ends this process (SIGINT, SIGTERM) ends the simulated cluster of this name with it. */
export function removeOnSignal(name: string): void {
  const end = (): void => {
    removeSimulatedCluster(name)
      .catch((error: unknown) => process.stderr.write(`${name} is not gone: ${error}\n`))
      .finally(() => process.exit(130));
  };
  for (const wish of ['SIGINT', 'SIGTERM'] as const) process.once(wish, end);
}

/** Brings up a simulated cluster; what an earlier run has left of one of this name is removed first. */
export async function openSimulatedCluster(name: string, options: SimulatedOptions = {}): Promise<SimulatedCluster> {
  await removeSimulatedCluster(name);
  return asCluster(name, await bringUp(simulatedLayout(name), options));
}

function asCluster(name: string, running: Running): SimulatedCluster {
  const { node, addresses } = running;
  const { kubeconfig, auditLog, pki } = node.layout;
  return {
    kubeconfig,
    auditLog,
    kubectl: node.tools.kubectl,
    server: apiServerUrl(addresses),
    pki,
    hostAddress: addresses.host,
    component: (which) => controlOf(running, which),
    spawn: (command, options) => spawnInside(running, command, options),
    down: () => removeSimulatedCluster(name),
  };
}
