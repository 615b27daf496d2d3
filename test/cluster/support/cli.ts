import { execa } from 'execa';
import { localLayout } from '../../../scripts/cluster/local/index.ts';
import { kindClustersFolder, type Layout, layoutOf } from '../../../scripts/cluster/local/layout.ts';
import { projectFolder } from '../../../scripts/folders.ts';
import { ensureTools } from '../../../scripts/tools.ts';

/** What a command of `npm run cluster` printed and how it ended. */
export interface Outcome {
  readonly stdout: string;
  readonly stderr: string;
  readonly exitCode: number | undefined;
  readonly seconds: number;
}

/** A cluster of the tests' own, used by its command line alone. */
export class TestCluster {
  readonly name: string;
  readonly layout: Layout;
  readonly #provider: 'kind' | 'local';

  constructor(name: string, provider: 'kind' | 'local' = 'local') {
    this.name = name;
    this.#provider = provider;
    this.layout = provider === 'local' ? localLayout(name) : layoutOf(kindClustersFolder, name);
  }

  async run(...args: string[]): Promise<Outcome> {
    const started = performance.now();
    const result = await execa(process.execPath, ['scripts/cluster.ts', '--provider', this.#provider, ...args], {
      cwd: projectFolder,
      env: { LOCO_CLUSTER: this.name },
      reject: false,
    });
    const { stdout, stderr, exitCode } = result;
    return { stdout, stderr, exitCode, seconds: (performance.now() - started) / 1000 };
  }

  /** Runs a command that must work. */
  async must(...args: string[]): Promise<Outcome> {
    const outcome = await this.run(...args);
    if (outcome.exitCode !== 0) throw new Error(`cluster ${args.join(' ')} failed:\n${outcome.stderr}`);
    return outcome;
  }

  /** kubectl's standard output. */
  async kubectl(args: readonly string[], input?: string): Promise<string> {
    const { kubectl } = await ensureTools(['kubectl']);
    const options = input === undefined ? {} : { input };
    return (await execa(kubectl, [`--kubeconfig=${this.layout.kubeconfig}`, ...args], options)).stdout;
  }
}
