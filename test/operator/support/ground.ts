import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { execa } from 'execa';
import { openSimulatedCluster, type SimulatedCluster } from '../../../scripts/cluster/simulated/index.ts';
import { writeOperatorProgram } from '../../../scripts/images/operator-program.ts';
import { OPERATOR_NAMESPACE } from '../../../scripts/install.ts';
import { installRights, OPERATOR_ACCOUNT } from '../../../scripts/install-rights.ts';
import { parseExposition } from '../../../src/kube/exposition.fixture.ts';

const HEALTH_PORT = 8081;

/** A line of the operator's log. */
export interface LogLine {
  readonly level: string;
  readonly msg: string;
  readonly emulator?: string;
}

/** An operator that runs in the cluster as it does in its image. */
export interface RunningOperator {
  readonly pid: number;
  readonly ended: Promise<{ readonly code: number | null; readonly signal: NodeJS.Signals | null }>;
  log(): Promise<LogLine[]>;
  signal(name: NodeJS.Signals): void;
}

export interface StartOptions {
  /** Name of the pod that it takes itself for. */
  readonly name: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Given to Node before the program. */
  readonly nodeOptions?: readonly string[];
  /** Given to the program. */
  readonly args?: readonly string[];
  /** In whose name; absent: the operator's own. */
  readonly account?: string;
}

/** A simulated cluster with the operator's rights in it, and the operator's program as it stands in its image. */
export class Ground {
  readonly cluster: SimulatedCluster;
  readonly #command: readonly string[];
  readonly #folder: string;
  /** Those that run. */
  readonly #operators = new Set<RunningOperator>();

  private constructor(cluster: SimulatedCluster, command: readonly string[], folder: string) {
    this.cluster = cluster;
    this.#command = command;
    this.#folder = folder;
  }

  static async open(name: string): Promise<Ground> {
    const folder = await mkdtemp(path.join(tmpdir(), 'loco-operator-'));
    const [cluster, command] = await Promise.all([openSimulatedCluster(name), writeOperatorProgram(folder)]);
    await installRights(cluster);
    return new Ground(cluster, command, folder);
  }

  /** Ends every operator that still runs. */
  async end(): Promise<void> {
    for (const { signal, ended } of this.#operators) {
      signal('SIGKILL');
      await ended;
    }
  }

  async close(): Promise<void> {
    await this.end();
    await this.cluster.down();
    await rm(this.#folder, { recursive: true, force: true });
  }

  async start({
    name,
    env = {},
    nodeOptions = [],
    args = [],
    account = OPERATOR_ACCOUNT,
  }: StartOptions): Promise<RunningOperator> {
    const [node = '', ...program] = this.#command;
    const inside = await this.cluster.spawn([node, ...nodeOptions, ...program, ...args], {
      name,
      serviceAccount: { namespace: OPERATOR_NAMESPACE, name: account },
      env: {
        POD_NAME: name,
        POD_UID: `uid-of-${name}`,
        POD_NAMESPACE: OPERATOR_NAMESPACE,
        LOCO_DEFAULT_IMAGE: 'none',
        LOCO_HEALTH_PORT: String(HEALTH_PORT),
        ...env,
      },
    });
    const { pid, ended, signal } = inside;
    const log = async () =>
      (await readFile(inside.log, 'utf8'))
        .split('\n')
        .filter((line) => line !== '')
        .map(parseLine);
    const operator = { pid, ended, log, signal };
    this.#operators.add(operator);
    const forget = () => this.#operators.delete(operator);
    ended.then(forget, forget);
    return operator;
  }

  /** What the operator answers at a path of its health port. */
  ask(pathOf: string): Promise<Response> {
    return fetch(`http://${new URL(this.cluster.server).hostname}:${HEALTH_PORT}${pathOf}`);
  }

  async metrics() {
    return parseExposition(await (await this.ask('/metrics')).text());
  }

  async kubectl(args: readonly string[], input?: string): Promise<string> {
    const options = input === undefined ? {} : { input };
    return (await execa(this.cluster.kubectl, [`--kubeconfig=${this.cluster.kubeconfig}`, ...args], options)).stdout;
  }

  async createNamespace(name: string): Promise<void> {
    await this.kubectl(['create', 'namespace', name]);
  }

  async applyEmulator(namespace: string, name: string, spec: object): Promise<void> {
    const object = {
      apiVersion: 'loco.mroie.github.io/v1alpha1',
      kind: 'Emulator',
      metadata: { name, namespace },
      spec,
    };
    await this.kubectl(['apply', '--server-side', '-f', '-'], JSON.stringify(object));
  }

  /** After an outage Kubernetes' own controllers take up to a minute to find the API server again. */
  async ready(namespace: string, name: string): Promise<void> {
    await this.kubectl(['-n', namespace, 'wait', '--for=condition=Ready', `emulator/${name}`, '--timeout=180s']);
  }
}

function parseLine(line: string): LogLine {
  try {
    return JSON.parse(line) as LogLine;
  } catch {
    // Node's own words, such as a warning.
    return { level: 'none', msg: line };
  }
}
