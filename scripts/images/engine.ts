import { execa, type Options } from 'execa';
import { UserError, withProgress } from '../console.ts';
import { ensureDebianPackages } from '../debian-packages.ts';

/** The programs that build and keep images, in the order in which they are asked. */
const ENGINES = ['docker', 'podman', 'buildah'] as const;

type EngineName = (typeof ENGINES)[number];

/** What an image is built from. */
export interface BuildRequest {
  readonly dockerfile: string;
  readonly context: string;
  readonly image: string;
  readonly arguments: Readonly<Record<string, string>>;
}

const PROXY_VARIABLES = ['http_proxy', 'https_proxy', 'no_proxy'] as const;

/** Builds, pulls and tags images with one of the programs. */
export class Engine {
  readonly name: EngineName;

  constructor(name: EngineName) {
    this.name = name;
  }

  /** The image's id, or undefined where the engine hasn't got it. */
  async imageId(image: string): Promise<string | undefined> {
    const words =
      this.name === 'buildah'
        ? ['inspect', '--type', 'image', '--format', '{{.FromImageID}}', image]
        : ['image', 'inspect', '--format', '{{.Id}}', image];
    const result = await this.#run(words);
    return result.exitCode === 0 ? result.stdout.trim() : undefined;
  }

  /** True when the image was pulled; false when no registry gave it within a minute. */
  async pull(image: string): Promise<boolean> {
    const result = await withProgress(`Pulling ${image}`, this.#run(['pull', image], { timeout: 60_000 }));
    return result.exitCode === 0;
  }

  /** @throws UserError with the end of what the engine printed */
  async build(request: BuildRequest): Promise<void> {
    const words = ['build', '--file', request.dockerfile, '--tag', request.image];
    // The base images are there already; buildah keeps no layers of its own accord.
    words.push(...(this.name === 'buildah' ? ['--layers', '--pull=never'] : []));
    for (const [name, value] of Object.entries(request.arguments)) {
      words.push('--build-arg', `${name}=${value}`);
    }
    for (const name of PROXY_VARIABLES.filter((variable) => process.env[variable] !== undefined)) {
      words.push('--build-arg', name);
    }
    let newest = '';
    const building = this.#run([...words, request.context], {}, (line) => {
      newest = line;
    });
    const result = await withProgress(`Building ${request.image}`, building, () => newest);
    if (result.exitCode !== 0) {
      throw new UserError(`${this.name} could not build ${request.image}:\n${result.all.slice(-3000)}`);
    }
  }

  /** Gives an image a second name. */
  async tag(image: string, name: string): Promise<void> {
    await this.#mustRun(['tag', image, name]);
  }

  /** Makes an image of one layer out of a tar archive. */
  async importRoot(archive: string, image: string): Promise<void> {
    const variable = 'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
    if (this.name !== 'buildah') {
      await this.#mustRun(['import', '--change', `ENV ${variable}`, archive, image]);
      return;
    }
    const container = await this.#mustRun(['from', 'scratch']);
    await this.#mustRun(['add', container, archive, '/']);
    await this.#mustRun(['config', '--env', variable, container]);
    await this.#mustRun(['commit', '--rm', container, image]);
  }

  async #mustRun(words: readonly string[]): Promise<string> {
    const result = await this.#run(words);
    if (result.exitCode !== 0) {
      throw new UserError(`${this.name} ${words.join(' ')} failed:\n${result.all.slice(-2000)}`);
    }
    return result.stdout.trim();
  }

  async #run(words: readonly string[], options: Pick<Options, 'timeout'> = {}, onLine?: (line: string) => void) {
    // In its default isolation buildah wants a container runtime; a changed root needs none.
    const environment = this.name === 'buildah' ? { BUILDAH_ISOLATION: process.env.BUILDAH_ISOLATION ?? 'chroot' } : {};
    const running = execa(this.name, words, {
      ...options,
      env: environment,
      reject: false,
      all: true,
      stdin: 'ignore',
    });
    running.all.on('data', (chunk: Buffer) => onLine?.(chunk.toString().trim().split('\n').at(-1) ?? ''));
    return await running;
  }
}

/**
 * The first engine that answers; where none does, Debian's buildah is installed.
 * @throws UserError where that isn't possible
 */
export async function openEngine(): Promise<Engine> {
  for (const name of ENGINES) {
    const answer = await execa(name, ['info'], { reject: false, timeout: 20_000 });
    if (answer.exitCode === 0) {
      return new Engine(name);
    }
  }
  await ensureDebianPackages(['buildah']);
  return new Engine('buildah');
}
