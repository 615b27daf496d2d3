import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { execa } from 'execa';
import { ensureDebianPackages } from '../../scripts/debian-packages.ts';
import type { TestRegistry } from './registry.ts';

/** The real buildah, with a storage of its own, pushing to the registry over TLS. */
export class Buildah {
  readonly #registry: TestRegistry;
  readonly #folder: string;

  private constructor(registry: TestRegistry, folder: string) {
    this.#registry = registry;
    this.#folder = folder;
  }

  static async create(registry: TestRegistry): Promise<Buildah> {
    await ensureDebianPackages(['buildah']);
    const folder = registry.file('buildah');
    await mkdir(path.join(folder, 'certs'), { recursive: true });
    await execa('cp', [registry.file('ca.crt'), path.join(folder, 'certs', 'ca.crt')]);
    const policy = { default: [{ type: 'insecureAcceptAnything' }] };
    await writeFile(path.join(folder, 'policy.json'), JSON.stringify(policy));
    return new Buildah(registry, folder);
  }

  /**
   * Commits an image with one layer more.
   * @param base another image of ours, or `scratch`
   * @param change gets the folder that is the image's root
   */
  async commit(
    base: string,
    image: string,
    change: (root: string) => Promise<void>,
    flags: readonly string[] = [],
  ): Promise<void> {
    const container = await this.run('from', '--pull-never', ...flags, base);
    await change(await this.run('mount', container));
    await this.run('umount', container);
    await this.run('commit', '--signature-policy', path.join(this.#folder, 'policy.json'), container, image);
    await this.run('rm', container);
  }

  async push(image: string, name: string, ...flags: string[]): Promise<string> {
    await this.run('push', ...this.#access(), ...flags, image, `docker://${this.#registry.tls}/${name}`);
    return this.#registry.digest(name);
  }

  async pushIndex(images: readonly string[], name: string): Promise<string> {
    await this.run('manifest', 'create', 'index', ...images);
    await this.run('manifest', 'push', ...this.#access(), '--all', 'index', `docker://${this.#registry.tls}/${name}`);
    return this.#registry.digest(name);
  }

  async run(...words: string[]): Promise<string> {
    // vfs needs no kernel's help; each layer is a whole copy, of a few MiB here.
    const storage = [
      '--storage-driver',
      'vfs',
      '--root',
      path.join(this.#folder, 'root'),
      '--runroot',
      path.join(this.#folder, 'run'),
    ];
    const ended = await execa('buildah', [...storage, ...words], { env: { BUILDAH_ISOLATION: 'chroot' } });
    return ended.stdout.trim();
  }

  #access(): readonly string[] {
    const policy = ['--signature-policy', path.join(this.#folder, 'policy.json')];
    return [...policy, '--authfile', this.#registry.file('right.json'), '--cert-dir', path.join(this.#folder, 'certs')];
  }
}
