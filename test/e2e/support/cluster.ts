import { CoreV1Api, KubeConfig, type KubernetesObject, KubernetesObjectApi } from '@kubernetes/client-node';
import { execa } from 'execa';
import { attachLocalCluster, attachRegistry } from '../../../scripts/cluster/index.ts';
import { withLock } from '../../../scripts/cluster/lock.ts';
import { type Environment, readEnvironment } from './environment.ts';
import { OperatorReplicas } from './operator-replicas.ts';
import { eventually } from './wait.ts';

type Manifest = KubernetesObject & Record<string, unknown>;

/** A status that is read as JSON, the way `kubectl -o json` shows it. */
export interface EmulatorView {
  metadata: { name: string; namespace: string; uid: string; generation: number };
  spec: { replicas: number };
  status?: {
    observedGeneration?: number;
    readyReplicas?: number;
    replicas?: number;
    diskOrigin?: string;
    snapshot?: { reference: string; digest: string; resolveRequest?: string };
    conditions?: { type: string; status: string; reason: string; message: string; lastTransitionTime: string }[];
    machines?: {
      ordinal: number;
      pod: string;
      phase: string;
      reason?: string;
      restarts?: number;
      ready: boolean;
      message: string;
      disk?: {
        id: string;
        origin: string;
        digest: string;
        preparedAt: string;
        confirmed?: boolean;
        predecessor?: { path: string };
        lastStop?: { kind: string; at: string; message: string };
      };
    }[];
  };
}

/** The cluster under test, as the scenarios see it. */
export class Cluster {
  readonly environment: Environment;
  readonly objects: KubernetesObjectApi;
  readonly core: CoreV1Api;

  constructor(environment: Environment = readEnvironment()) {
    this.environment = environment;
    const config = new KubeConfig();
    config.loadFromFile(environment.kubeconfig);
    this.objects = KubernetesObjectApi.makeApiClient(config);
    this.core = config.makeApiClient(CoreV1Api);
  }

  /** Runs kubectl as a user would; its standard output. */
  async kubectl(
    args: readonly string[],
    options: { inputFile?: string; input?: string | Buffer; reject?: boolean } = {},
  ) {
    return execa(this.environment.kubectl, [...args], {
      env: { KUBECONFIG: this.environment.kubeconfig },
      all: true,
      reject: options.reject ?? true,
      ...(options.inputFile === undefined ? {} : { inputFile: options.inputFile }),
      ...(options.input === undefined ? {} : { input: options.input }),
    });
  }

  async apply(manifest: Manifest): Promise<void> {
    await this.kubectl(['apply', '-f', '-'], { input: JSON.stringify(manifest) });
  }

  /** An object as JSON, or undefined when there is none. */
  async get<T>(apiVersion: string, kind: string, namespace: string, name: string): Promise<T | undefined> {
    try {
      return (await this.objects.read({ apiVersion, kind, metadata: { name, namespace } })) as unknown as T;
    } catch (error) {
      if ((error as { code?: number }).code === 404) return undefined;
      throw error;
    }
  }

  /** A PNG of a machine's screen, by the agent's own command. */
  async screenshot(namespace: string, pod: string): Promise<Buffer> {
    const shot = await execa(
      this.environment.kubectl,
      ['-n', namespace, 'exec', pod, '-c', 'emulator', '--', 'loco-agent', 'screenshot'],
      { env: { KUBECONFIG: this.environment.kubeconfig }, encoding: 'buffer' },
    );
    return Buffer.from(shot.stdout);
  }

  /** Access to the node's programs, where the cluster gives it. */
  async node() {
    return this.environment.hasNodeAccess ? (await attachLocalCluster(this.environment.clusterName)).node : undefined;
  }

  /** Stops and starts the registry, where it is ours. */
  async registryControl() {
    return attachRegistry(this.environment.provider, this.environment.clusterName);
  }

  /**
   * Replaces the operator's pod, and returns when another one leads. Scenarios that run side by side take turns, or no
   * operator would ever get to work.
   */
  async restartOperator(): Promise<void> {
    const namespace = this.environment.operatorNamespace;
    await this.undisturbed(async () => {
      const old = await this.operator.leader();
      for (const { metadata } of await this.operator.pods()) {
        await this.core.deleteNamespacedPod({ name: metadata?.name ?? '', namespace }).catch(ignoreNotFound);
      }
      await this.operator.leads((leader) => leader !== old);
    });
  }

  /** Does the work while no other scenario restarts the operator: for what is promised of one that is there. */
  undisturbed<T>(work: () => Promise<T>): Promise<T> {
    return withLock(`loco-e2e-${this.environment.clusterName}-operator`, work);
  }

  /** The operator of the suite. */
  get operator(): OperatorReplicas {
    return new OperatorReplicas(this, this.environment.operatorNamespace);
  }

  /** What the operator's pods logged, once there is one that has begun to: another scenario may just be replacing them. */
  operatorLog(): Promise<string> {
    return eventually('the operator logs', () => this.operator.log());
  }
}

/** For deletes: gone is what was wanted. */
export function ignoreNotFound(error: unknown): void {
  if ((error as { code?: number }).code !== 404) throw error;
}
