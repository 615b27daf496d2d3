import { type ChildProcess, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { execa } from 'execa';
import { ensureDebianPackages } from '../../scripts/debian-packages.ts';
import { ensureTools } from '../../scripts/tools.ts';
import { publishDisk } from '../../src/agent/publish/index.ts';
import { type Manifest, parseManifest } from '../../src/oci/manifest.ts';
import type { RegistryAccess } from '../../src/oci/oras.ts';
import { freePorts } from '../agent/free-ports.ts';

const USER = 'puller';
const PASSWORD = 'correct horse';
/** bcrypt of {@link PASSWORD} with the least cost. */
const HASH = '$2b$04$abcdefghijklmnopqrstuujydOTSfIH/d5oUHpsygqV5X9xJLQc6e';

export interface Layer {
  readonly mediaType: string;
  readonly bytes: Buffer;
  readonly annotations?: Readonly<Record<string, string>>;
}

export interface Pushed {
  readonly mediaType: string;
  readonly config?: Layer;
  readonly artifactType?: string;
  readonly layers: readonly Layer[];
  readonly annotations?: Readonly<Record<string, string>>;
}

/** The real registry with a login, reached over TLS by a CA of its own, and over plain HTTP. */
export class TestRegistry implements AsyncDisposable {
  readonly folder: string;
  readonly oras: string;
  readonly #program: string;
  readonly #ports: { readonly tls: number; readonly plain: number };
  readonly #login: boolean;
  #processes: ChildProcess[] = [];

  private constructor(
    folder: string,
    tools: { oras: string; registry: string },
    ports: { tls: number; plain: number },
    login: boolean,
  ) {
    this.folder = folder;
    this.oras = tools.oras;
    this.#program = tools.registry;
    this.#ports = ports;
    this.#login = login;
  }

  /** @param options `login: false`: everybody may read and write. */
  static async start({ login = true }: { readonly login?: boolean } = {}): Promise<TestRegistry> {
    await ensureDebianPackages(['openssl']);
    const tools = await ensureTools(['oras', 'registry']);
    const folder = await mkdtemp(path.join(tmpdir(), 'loco-registry-'));
    const [tls = 0, plain = 0] = await freePorts(2);
    const registry = new TestRegistry(folder, tools, { tls, plain }, login);
    try {
      await registry.#makeCertificates();
      await registry.#writeFiles();
      await registry.up();
      return registry;
    } catch (error) {
      await registry[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** Host and port with TLS. */
  get tls(): string {
    return `127.0.0.1:${this.#ports.tls}`;
  }

  get plain(): string {
    return `127.0.0.1:${this.#ports.plain}`;
  }

  file(name: string): string {
    return path.join(this.folder, name);
  }

  /** Access with the right password and CA. */
  access(change: Partial<RegistryAccess> = {}): RegistryAccess {
    return {
      oras: this.oras,
      registryConfig: this.file('right.json'),
      caFile: this.file('ca.crt'),
      plainHTTP: false,
      ...change,
    };
  }

  /** A `config.json` with the right login for something that stands in front of this registry. Gives its path. */
  async loginFor(host: string): Promise<string> {
    const file = this.file(`login-${host.replace(':', '-')}.json`);
    await writeFile(file, JSON.stringify({ auths: { [host]: loginOf(PASSWORD) } }));
    return file;
  }

  /** What a client sends as `Authorization`. */
  get authorization(): string {
    return `Basic ${loginOf(PASSWORD).auth}`;
  }

  async up(): Promise<void> {
    for (const name of ['tls', 'plain'] as const) {
      const child = spawn(this.#program, ['serve', this.file(`${name}.yml`)], { stdio: 'ignore' });
      this.#processes.push(child);
    }
    await Promise.all([answers(this.#ports.tls), answers(this.#ports.plain)]);
  }

  async down(): Promise<void> {
    const ended = this.#processes.map((child) => (child.exitCode === null ? once(child, 'exit') : undefined));
    for (const child of this.#processes) child.kill('SIGKILL');
    this.#processes = [];
    await Promise.all(ended);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.down();
    await rm(this.folder, { recursive: true, force: true });
  }

  /** As a user does it: `oras push` of a file. Gives the digest. */
  async pushFile(name: string, file: string, title = path.basename(file)): Promise<string> {
    await execa(this.oras, ['push', ...this.#flags(), `${this.tls}/${name}`, `${title}:application/octet-stream`], {
      cwd: path.dirname(file),
    });
    return this.digest(name);
  }

  /** Any manifest, by `oras blob push` and `oras manifest push`. Gives the digest. */
  async push(name: string, pushed: Pushed): Promise<string> {
    const config = pushed.config ?? { mediaType: 'application/vnd.oci.empty.v1+json', bytes: Buffer.from('{}') };
    const manifest = {
      schemaVersion: 2,
      mediaType: pushed.mediaType,
      ...(pushed.artifactType === undefined ? {} : { artifactType: pushed.artifactType }),
      config: await this.pushBlob(name, config),
      layers: await Promise.all(pushed.layers.map((layer) => this.pushBlob(name, layer))),
      ...(pushed.annotations === undefined ? {} : { annotations: pushed.annotations }),
    };
    return this.pushManifest(name, manifest);
  }

  async pushManifest(name: string, manifest: unknown): Promise<string> {
    const input = JSON.stringify(manifest);
    await execa(this.oras, ['manifest', 'push', ...this.#flags(), `${this.tls}/${name}`, '-'], { input });
    return `sha256:${createHash('sha256').update(input).digest('hex')}`;
  }

  async digest(name: string): Promise<string> {
    return (await execa(this.oras, ['resolve', ...this.#flags(), `${this.tls}/${name}`])).stdout.trim();
  }

  /** Our own artifact of a qcow2 file, as `loco-agent publish` makes it. Gives the digest. */
  async publish(name: string, disk: string): Promise<string> {
    const published = await publishDisk({
      disk,
      reference: `${this.tls}/${name}`,
      access: this.access(),
      qemuImg: 'qemu-img',
      say: () => undefined,
      onProgress: () => undefined,
    });
    if (!published.ok) throw new Error(`${published.failure.reason}: ${published.failure.message}`);
    return published.value.digest;
  }

  async manifest(name: string): Promise<Manifest> {
    const { stdout } = await execa(this.oras, ['manifest', 'fetch', ...this.#flags(), `${this.tls}/${name}`]);
    const parsed = parseManifest(stdout);
    if (!parsed.ok || parsed.value.kind !== 'Manifest') throw new Error(`no manifest: ${stdout}`);
    return parsed.value.manifest;
  }

  async pushBlob(name: string, layer: Layer) {
    const digest = `sha256:${createHash('sha256').update(layer.bytes).digest('hex')}`;
    const repository = name.split(/[:@]/)[0];
    const size = layer.bytes.length;
    await execa(
      this.oras,
      ['blob', 'push', ...this.#flags(), '--size', `${size}`, `${this.tls}/${repository}@${digest}`, '-'],
      {
        input: layer.bytes,
      },
    );
    return { mediaType: layer.mediaType, digest, size, ...(layer.annotations && { annotations: layer.annotations }) };
  }

  #flags(): readonly string[] {
    return ['--registry-config', this.file('right.json'), '--ca-file', this.file('ca.crt')];
  }

  async #makeCertificates(): Promise<void> {
    const openssl = (...args: string[]) => execa('openssl', args, { cwd: this.folder });
    const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];
    await openssl('req', '-x509', ...key, '-keyout', 'ca.key', '-out', 'ca.crt', '-days', '2', '-subj', '/CN=Test CA');
    await openssl('req', ...key, '-keyout', 'tls.key', '-out', 'tls.csr', '-subj', '/CN=registry');
    await writeFile(this.file('names'), 'subjectAltName=IP:127.0.0.1');
    const signing = ['-CA', 'ca.crt', '-CAkey', 'ca.key', '-CAcreateserial', '-extfile', 'names', '-days', '2'];
    await openssl('x509', '-req', '-in', 'tls.csr', ...signing, '-out', 'tls.crt');
  }

  async #writeFiles(): Promise<void> {
    await writeFile(this.file('htpasswd'), `${USER}:${HASH}\n`);
    const config = (password: string) =>
      JSON.stringify({ auths: { [this.tls]: loginOf(password), [this.plain]: loginOf(password) } });
    await writeFile(this.file('right.json'), config(PASSWORD));
    await writeFile(this.file('wrong.json'), config('guess'));
    await writeFile(this.file('empty.json'), '{"auths":{}}');
    for (const name of ['tls', 'plain'] as const) {
      const tls = name === 'tls' ? { certificate: this.file('tls.crt'), key: this.file('tls.key') } : undefined;
      const settings = {
        version: 0.1,
        log: { level: 'error' },
        storage: { filesystem: { rootdirectory: this.file('store') }, delete: { enabled: true } },
        http: { addr: `127.0.0.1:${this.#ports[name]}`, ...(tls && { tls }) },
        ...(this.#login && { auth: { htpasswd: { realm: 'test', path: this.file('htpasswd') } } }),
      };
      // JSON is YAML.
      await writeFile(this.file(`${name}.yml`), JSON.stringify(settings));
    }
  }
}

function loginOf(password: string): { readonly auth: string } {
  return { auth: Buffer.from(`${USER}:${password}`).toString('base64') };
}

export async function answers(port: number): Promise<void> {
  const end = performance.now() + 20_000;
  while (!(await accepts(port))) {
    if (performance.now() > end) throw new Error(`the registry doesn't answer on port ${port}`);
    await delay(50);
  }
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    const end = (value: boolean) => {
      socket.destroy();
      resolve(value);
    };
    socket.once('connect', () => end(true)).once('error', () => end(false));
  });
}
