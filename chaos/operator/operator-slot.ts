import { setTimeout as sleep } from 'node:timers/promises';
import type { InsideProcess, SimulatedCluster } from '../../scripts/cluster/simulated/index.ts';
import { OPERATOR_NAMESPACE } from '../../scripts/install.ts';
import { OPERATOR_ACCOUNT } from '../../scripts/install-rights.ts';
import { MACHINE_IMAGE } from './converged.ts';
import type { Line } from './line.ts';

/** An end of an operator's process that nobody here brought about. */
export interface OwnExit {
  readonly identity: string;
  readonly atMs: number;
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export interface SlotOptions {
  readonly cluster: SimulatedCluster;
  /** Starts the operator as its image does. */
  readonly command: readonly string[];
  /** What its way to the API server goes through. */
  readonly line: Line;
  /** Name of its Deployment's pod; a new pod gets a number behind it. */
  readonly name: string;
}

/** kubelet starts a container that ended again at once, and waits longer and longer only after that. */
const RESTART_MS = 1_000;

/** One replica of the operator and what starts it again, as kubelet and the Deployment would. */
export class OperatorSlot {
  readonly #options: SlotOptions;
  readonly #ownExits: OwnExit[] = [];
  #pod = 0;
  #process: InsideProcess | undefined;
  #wanted = true;
  #running: Promise<void> = Promise.resolve();

  constructor(options: SlotOptions) {
    this.#options = options;
  }

  /** The name of its pod, by which the operator calls itself. */
  get identity(): string {
    return `${this.#options.name}-${this.#pod}`;
  }

  get line(): Line {
    return this.#options.line;
  }

  get ownExits(): readonly OwnExit[] {
    return this.#ownExits;
  }

  /** Resolves when its first process runs. */
  async start(): Promise<void> {
    const first = Promise.withResolvers<void>();
    this.#running = this.#supervise(first.resolve);
    this.#running.catch(first.reject);
    await first.promise;
  }

  /** SIGKILL, and a start again after a second: of the same pod's container, or in a new pod. False when none ran. */
  kill(newPod: boolean): boolean {
    const killed = this.#process;
    this.#process = undefined;
    if (newPod) this.#pod += 1;
    killed?.signal('SIGKILL');
    return killed !== undefined;
  }

  pause(): void {
    this.#process?.signal('SIGSTOP');
  }

  resume(): void {
    this.#process?.signal('SIGCONT');
  }

  /** Ends it as kubelet does at first, and starts it no more. Gives the exit code. */
  async stop(): Promise<void> {
    this.#wanted = false;
    const last = this.#process;
    this.#process = undefined;
    last?.signal('SIGCONT');
    last?.signal('SIGTERM');
    const patience = setTimeout(() => last?.signal('SIGKILL'), 25_000);
    await this.#running;
    clearTimeout(patience);
  }

  async #supervise(onStart: () => void): Promise<void> {
    while (this.#wanted) {
      const identity = this.identity;
      const started = await this.#spawn(identity);
      this.#process = started;
      if (!this.#wanted) this.kill(false);
      onStart();
      const { code, signal } = await started.ended;
      // Who is killed here was taken out before.
      if (this.#process === started) this.#ownExits.push({ identity, atMs: Date.now(), code, signal });
      await sleep(RESTART_MS);
    }
  }

  #spawn(identity: string): Promise<InsideProcess> {
    const { cluster, command, line } = this.#options;
    return cluster.spawn(command, {
      name: `operator-${this.#options.name}`,
      serviceAccount: { namespace: OPERATOR_NAMESPACE, name: OPERATOR_ACCOUNT },
      env: {
        KUBERNETES_SERVICE_HOST: cluster.hostAddress,
        KUBERNETES_SERVICE_PORT: String(line.port),
        POD_NAME: identity,
        POD_UID: `${identity}-uid`,
        POD_NAMESPACE: OPERATOR_NAMESPACE,
        LOCO_DEFAULT_IMAGE: MACHINE_IMAGE,
        LOCO_HEALTH_PORT: '0',
      },
    });
  }
}
