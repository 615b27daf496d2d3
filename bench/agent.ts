import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { ensureDebianPackages } from '../scripts/debian-packages.ts';
import { AGENT_NODE_FLAG, bundleProgram } from '../scripts/images/bundle.ts';
import { ensureTools } from '../scripts/tools.ts';
import { type Cost, countOf, measure } from './measured-process.ts';

/** What one preparation cost; memory is the agent's own, without the programs that it starts. */
export interface PreparationCost extends Cost {
  readonly peakMemoryBytes: number;
}

export interface RegistrySource {
  /** Host and port, without TLS and without a login. */
  readonly registry: string;
  readonly repository: string;
  readonly tag: string;
}

/** The agent as the image has it: one bundled file, run by Node in a process of its own. */
export class BenchedAgent {
  readonly #folder: string;
  readonly #program: string;
  readonly #oras: string;

  private constructor(folder: string, oras: string) {
    this.#folder = folder;
    this.#program = path.join(folder, 'loco-agent.mjs');
    this.#oras = oras;
  }

  /** @param folder on the volume that is measured */
  static async create(folder: string): Promise<BenchedAgent> {
    await ensureDebianPackages(['qemu-utils']);
    const { oras } = await ensureTools(['oras']);
    const agent = new BenchedAgent(folder, oras);
    await writeFile(agent.#program, await bundleProgram('src/agent/main.ts'));
    return agent;
  }

  get oras(): string {
    return this.#oras;
  }

  /** Prepares an empty volume from a built-in disk. */
  fromBuiltin(disk: string): Promise<PreparationCost> {
    return this.#prepare({ BUILTIN_IMAGE: disk });
  }

  /** Prepares an empty volume from a registry. */
  fromRegistry({ registry, repository, tag }: RegistrySource): Promise<PreparationCost> {
    return this.#prepare({
      BUILTIN_IMAGE: path.join(this.#folder, 'no-built-in-disk'),
      USE_PREBUILT_SNAPSHOT: 'true',
      SNAPSHOT_REGISTRY: `${registry}/${repository}`,
      SNAPSHOT_TAG: tag,
      SNAPSHOT_PLAIN_HTTP: 'true',
    });
  }

  /** `loco-agent publish` of a disk. */
  async publish(disk: string, { registry, repository, tag }: RegistrySource): Promise<void> {
    await this.#run(['publish', '--plain-http', disk, `${registry}/${repository}:${tag}`], {});
  }

  async #prepare(variables: Readonly<Record<string, string>>): Promise<PreparationCost> {
    const volume = path.join(this.#folder, 'volume');
    await mkdir(volume);
    try {
      return await this.#run(['prepare'], { ...variables, DISK: path.join(volume, 'win98.qcow2') });
    } finally {
      await rm(volume, { recursive: true });
    }
  }

  async #run(args: readonly string[], variables: Readonly<Record<string, string>>): Promise<PreparationCost> {
    const status = path.join(this.#folder, 'agent-status');
    const environment = {
      ...variables,
      PATH: `${path.dirname(this.#oras)}:${process.env['PATH']}`,
      NODE_OPTIONS: `--import=${path.join(import.meta.dirname, 'inside-agent.mjs')}`,
      LOCO_BENCH_STATUS: status,
    };
    const cost = await measure([process.execPath, AGENT_NODE_FLAG, this.#program, ...args], {
      folder: this.#folder,
      environment,
    });
    return { ...cost, peakMemoryBytes: countOf('VmHWM', await readFile(status, 'utf8')) * 1024 };
  }
}
