import type { CoreV1Api, V1Deployment, V1Pod } from '@kubernetes/client-node';
import type { Cluster as OpenCluster } from '../../../scripts/cluster/index.ts';
import { eventually } from './wait.ts';

const SELECTOR = 'app.kubernetes.io/name=loco-operator';

/** What of a cluster it takes to look after them. */
interface Access {
  readonly core: CoreV1Api;
  kubectl(
    args: readonly string[],
    options?: { reject?: boolean },
  ): Promise<{ exitCode?: number | undefined; stdout: string; all: string }>;
  get<T>(apiVersion: string, kind: string, namespace: string, name: string): Promise<T | undefined>;
}

/** The pods of the operator that is installed in a namespace, of which one leads. */
export class OperatorReplicas {
  readonly #cluster: Access;
  readonly namespace: string;

  constructor(cluster: Access, namespace: string) {
    this.#cluster = cluster;
    this.namespace = namespace;
  }

  async pods(): Promise<V1Pod[]> {
    return (await this.#cluster.core.listNamespacedPod({ namespace: this.namespace, labelSelector: SELECTOR })).items;
  }

  /** Who holds the Lease; the name begins with its pod's. */
  async leader(): Promise<string | undefined> {
    const lease = await this.#cluster.get<{ spec?: { holderIdentity?: string } }>(
      'coordination.k8s.io/v1',
      'Lease',
      this.namespace,
      'loco-operator',
    );
    return lease?.spec?.holderIdentity || undefined;
  }

  /** Waits until one of the pods leads that is `another`, and gives that pod. */
  leads(another: (leader: string) => boolean = () => true): Promise<V1Pod> {
    return eventually(
      `an operator in ${this.namespace} leads`,
      async () => {
        const leader = await this.leader();
        if (leader === undefined || !another(leader)) return undefined;
        return (await this.pods()).find(({ metadata }) => leader.startsWith(`${metadata?.name}_`));
      },
      120_000,
      () => this.explain(),
    );
  }

  /** Kills the leader's container without a word, and returns when it was started again and is ready. */
  async killLeader(node: NonNullable<OpenCluster['node']>): Promise<void> {
    const { metadata, spec, status } = await this.leads();
    const [name = '', container = ''] = [metadata?.name, spec?.containers[0]?.name];
    const before = status?.containerStatuses?.[0]?.restartCount ?? 0;
    await node.killContainer(this.namespace, name, container);
    await eventually('the operator was started again', async () => {
      const now = (await this.pods()).find((pod) => pod.metadata?.name === name);
      return now?.status?.containerStatuses?.some(({ restartCount, ready }) => restartCount > before && ready);
    });
  }

  /** What all of them logged; undefined while there is nobody or somebody hasn't begun to. */
  async log(): Promise<string | undefined> {
    const args = ['-n', this.namespace, 'logs', '-l', SELECTOR, '--tail=-1'];
    const log = await this.#cluster.kubectl(args, { reject: false });
    return log.exitCode === 0 && log.stdout !== '' ? log.stdout : undefined;
  }

  /** Ends all of them, so that others can be tried in their place; returns what {@link workAgain} brings back. */
  async rest(): Promise<number> {
    // None: an earlier run was ended before it brought them back.
    const replicas = (await this.#deployment())?.spec?.replicas || 2;
    await this.#scale(0);
    await eventually('the operator of the suite is gone', async () => (await this.pods()).length === 0);
    return replicas;
  }

  async workAgain(replicas: number): Promise<void> {
    await this.#scale(replicas);
    await this.leads();
  }

  async explain(): Promise<string> {
    const shown = ['-n', this.namespace, 'describe', 'deployments,pods', '-l', SELECTOR];
    const described = await this.#cluster.kubectl(shown, { reject: false });
    return `${described.all}\n${(await this.log()) ?? 'no log'}`;
  }

  async #deployment(): Promise<V1Deployment | undefined> {
    return this.#cluster.get<V1Deployment>('apps/v1', 'Deployment', this.namespace, 'loco-operator');
  }

  async #scale(replicas: number): Promise<void> {
    const scale = ['scale', 'deployment/loco-operator', `--replicas=${replicas}`];
    await this.#cluster.kubectl(['-n', this.namespace, ...scale]);
  }
}
