import { execa } from 'execa';
import type { Cluster } from './cluster.ts';

/** Values as a values file has them. */
export type Values = Readonly<Record<string, unknown>>;

/** How a chart is given to Helm: a folder or a package, files of values, and values that are laid over them. */
export interface Given {
  readonly chart: string;
  readonly files?: readonly string[];
  readonly values: Values;
}

/** A release of the chart, handled as an administrator does it: with Helm, as themselves. */
export class Release {
  readonly #cluster: Cluster;
  readonly namespace: string;
  readonly name: string;

  constructor(cluster: Cluster, namespace: string, name: string) {
    this.#cluster = cluster;
    this.namespace = namespace;
    this.name = name;
  }

  /** Installs and waits until everything of the release works; what the notes say. */
  install(given: Given): Promise<string> {
    return this.#put('install', given);
  }

  /** Upgrades with these values alone, and waits. */
  upgrade(given: Given): Promise<string> {
    return this.#put('upgrade', given);
  }

  async rollback(): Promise<void> {
    await this.#helm(['rollback', this.name, '--wait', '--timeout=300s']);
  }

  /** Uninstalls and waits until what belongs to the release is gone. */
  async uninstall(): Promise<void> {
    await this.#helm(['uninstall', this.name, '--wait', '--timeout=120s', '--ignore-not-found']);
  }

  #put(verb: 'install' | 'upgrade', { chart, files = [], values }: Given): Promise<string> {
    const given = [...files, '-'].flatMap((file) => ['--values', file]);
    return this.#helm([verb, this.name, chart, ...given, '--wait', '--timeout=300s'], JSON.stringify(values));
  }

  /** @throws with what Helm said and what there is in the namespace */
  async #helm(args: readonly string[], input?: string): Promise<string> {
    const { helm, kubeconfig } = this.#cluster.environment;
    const options = { env: { KUBECONFIG: kubeconfig }, all: true, reject: false } as const;
    const ran = await execa(
      helm,
      ['-n', this.namespace, ...args],
      input === undefined ? options : { ...options, input },
    );
    if (ran.exitCode === 0) return ran.stdout;
    const look = async (command: readonly string[]) =>
      (await this.#cluster.kubectl(['-n', this.namespace, ...command], { reject: false })).all;
    const events = await look(['get', 'events', '--sort-by=.lastTimestamp']);
    const objects = await look(['get', 'emulators,pods,pvc,jobs,deployments', '-o', 'wide']);
    const logs = await look(['logs', '-l', 'app.kubernetes.io/name=loco-operator', '--tail=20']);
    throw new Error([`helm ${args.join(' ')}:`, ran.all, objects, events, logs].join('\n'));
  }
}
