import { CoreV1Api, CustomObjectsApi, KubeConfig, type V1Pod } from '@kubernetes/client-node';
import { execa } from 'execa';
import { z } from 'zod';
import { type Emulator, emulatorSchema } from '../../src/api/emulator/schema.ts';
import { GROUP, VERSION } from '../../src/api/group.ts';
import { MAIN_CONTAINER } from '../../src/contract/pod.ts';
import type { Cluster } from '../cluster/index.ts';
import { NAMESPACE } from './machines.ts';

const emulatorListSchema = z.object({ items: z.array(emulatorSchema) });

/** What the demo sees of its namespace, and does in it. */
export class DemoView {
  readonly #cluster: Cluster;
  readonly #core: CoreV1Api;
  readonly #custom: CustomObjectsApi;

  constructor(cluster: Cluster) {
    const config = new KubeConfig();
    config.loadFromFile(cluster.kubeconfig);
    this.#cluster = cluster;
    this.#core = config.makeApiClient(CoreV1Api);
    this.#custom = config.makeApiClient(CustomObjectsApi);
  }

  /** Runs kubectl in the demo's namespace; its standard output and errors together, whether it succeeds or not. */
  async kubectl(...args: string[]): Promise<string> {
    const result = await execa(this.#cluster.kubectl, ['-n', NAMESPACE, ...args], {
      env: { KUBECONFIG: this.#cluster.kubeconfig },
      all: true,
      reject: false,
    });
    return result.all;
  }

  /** Applies objects as `kubectl apply -f` does. @throws when the API server refuses one */
  async apply(...objects: object[]): Promise<void> {
    await execa(this.#cluster.kubectl, ['apply', '-f', '-'], {
      env: { KUBECONFIG: this.#cluster.kubeconfig },
      input: JSON.stringify({ apiVersion: 'v1', kind: 'List', items: objects }),
    });
  }

  /** Deletes objects and returns as soon as the API server has noted it. Those that aren't there are fine. */
  async remove(kind: string, names: readonly string[]): Promise<void> {
    await execa(
      this.#cluster.kubectl,
      ['-n', NAMESPACE, 'delete', kind, ...names, '--ignore-not-found', '--wait=false'],
      { env: { KUBECONFIG: this.#cluster.kubeconfig } },
    );
  }

  async emulators(): Promise<Emulator[]> {
    const list: unknown = await this.#custom.listNamespacedCustomObject({
      group: GROUP,
      version: VERSION,
      namespace: NAMESPACE,
      plural: 'emulators',
    });
    return emulatorListSchema.parse(list).items;
  }

  async pods(): Promise<V1Pod[]> {
    return (await this.#core.listNamespacedPod({ namespace: NAMESPACE })).items;
  }

  /** What the guest wrote on its serial line so far, among the agent's own log lines. */
  async log(pod: string): Promise<string> {
    return this.#core.readNamespacedPodLog({ name: pod, namespace: NAMESPACE, container: MAIN_CONTAINER });
  }

  /** The machine's screen as a PNG. */
  async screenshot(pod: string): Promise<Uint8Array> {
    const shot = await execa(
      this.#cluster.kubectl,
      ['-n', NAMESPACE, 'exec', pod, '-c', MAIN_CONTAINER, '--', 'loco-agent', 'screenshot'],
      { env: { KUBECONFIG: this.#cluster.kubeconfig }, encoding: 'buffer' },
    );
    return shot.stdout;
  }
}
