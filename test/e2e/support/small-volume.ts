import type { V1Node } from '@kubernetes/client-node';
import type { Cluster as OpenCluster } from '../../../scripts/cluster/index.ts';
import { ignoreNotFound } from './cluster.ts';
import type { Scenario } from './scenario.ts';
import { eventually } from './wait.ts';

type Node = NonNullable<OpenCluster['node']>;

/**
 * A volume that can really be full: an ext4 of fixed size in a file, loop-mounted among the node's own mounts, as a
 * `local` PersistentVolume with a claim. {@link close} leaves nothing of it, and {@link open} nothing of an earlier run.
 */
export class SmallVolume {
  readonly #scenario: Scenario;
  readonly #node: Node;
  readonly claim: string;

  constructor(scenario: Scenario, node: Node, claim: string) {
    this.#scenario = scenario;
    this.#node = node;
    this.claim = claim;
  }

  get #name(): string {
    return `${this.#scenario.namespace}-${this.claim}`;
  }

  /** Where it is mounted on the node; a folder of the node's /run, which goes with it. */
  get #folder(): string {
    return `/run/${this.#name}`;
  }

  async open(mebibytes: number): Promise<void> {
    await this.close();
    await eventually('the volume of an earlier run is gone', async () => {
      const left = await this.#scenario.cluster.get('v1', 'PersistentVolume', '', this.#name);
      return left === undefined;
    });
    const [folder, image] = [this.#folder, `${this.#folder}.ext4`];
    // No room set aside for root: what df says is free is free for the machine.
    const make = `truncate -s ${mebibytes}M ${image} && mkfs.ext4 -q -m 0 ${image} && mkdir -p ${folder}`;
    await this.#run(`${make} && mount -o loop ${image} ${folder}`);
    const { cluster, namespace } = this.#scenario;
    const storage = `${mebibytes}Mi`;
    const { items } = JSON.parse((await cluster.kubectl(['get', 'nodes', '-o', 'json'])).stdout) as { items: V1Node[] };
    const hostname = items[0]?.metadata?.labels?.['kubernetes.io/hostname'];
    const here = { key: 'kubernetes.io/hostname', operator: 'In', values: [hostname] };
    await cluster.apply({
      apiVersion: 'v1',
      kind: 'PersistentVolume',
      metadata: { name: this.#name },
      spec: {
        capacity: { storage },
        accessModes: ['ReadWriteOnce'],
        persistentVolumeReclaimPolicy: 'Retain',
        storageClassName: '',
        local: { path: folder },
        nodeAffinity: { required: { nodeSelectorTerms: [{ matchExpressions: [here] }] } },
      },
    });
    await cluster.apply({
      apiVersion: 'v1',
      kind: 'PersistentVolumeClaim',
      metadata: { name: this.claim, namespace },
      spec: {
        accessModes: ['ReadWriteOnce'],
        storageClassName: '',
        volumeName: this.#name,
        resources: { requests: { storage } },
      },
    });
  }

  /** Puts a file of this size there, which is somebody else's. */
  async addBallast(mebibytes: number): Promise<void> {
    await this.#run(`fallocate -l ${mebibytes}M ${this.#folder}/ballast`);
  }

  async removeBallast(): Promise<void> {
    await this.#run(`rm ${this.#folder}/ballast`);
  }

  /** MiB that are free. */
  async freeMebibytes(): Promise<number> {
    return Number(await this.#run(`df --output=avail --block-size=1M ${this.#folder} | tail -1`));
  }

  /** What pods still have mounted goes when they do: the mount is taken away from the node's own names first. */
  async close(): Promise<void> {
    const [folder, image] = [this.#folder, `${this.#folder}.ext4`];
    await this.#run(`while umount -l ${folder} 2>/dev/null; do :; done; rm -rf ${folder} ${image}`);
    await this.#scenario.cluster.objects
      .delete({ apiVersion: 'v1', kind: 'PersistentVolume', metadata: { name: this.#name } })
      .catch(ignoreNotFound);
  }

  async #run(script: string): Promise<string> {
    return this.#node.run(['sh', '-ec', script]);
  }
}
