import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { ensureTools } from '../../scripts/tools.ts';
import { freePorts } from '../agent/free-ports.ts';
import { answers } from './registry.ts';

/** One of toxiproxy's toxics (github.com/Shopify/toxiproxy, README, "Toxics"). */
export interface Toxic {
  readonly type: 'latency' | 'bandwidth' | 'slow_close' | 'timeout' | 'reset_peer' | 'slicer' | 'limit_data';
  readonly attributes: Readonly<Record<string, number>>;
}

/** Shopify's toxiproxy: TCP connections that go wrong. */
export class Toxiproxy implements AsyncDisposable {
  readonly #child: ChildProcess;
  readonly #api: string;

  private constructor(child: ChildProcess, api: string) {
    this.#child = child;
    this.#api = api;
  }

  static async start(): Promise<Toxiproxy> {
    const { toxiproxy } = await ensureTools(['toxiproxy']);
    const [port = 0] = await freePorts(1);
    const child = spawn(toxiproxy, ['-host', '127.0.0.1', '-port', `${port}`], { stdio: 'ignore' });
    await answers(port);
    return new Toxiproxy(child, `http://127.0.0.1:${port}`);
  }

  /** A proxy in front of `upstream`. Gives its host and port. */
  async inFrontOf(upstream: string, name: string, toxic: Toxic | 'down'): Promise<string> {
    const [port = 0] = await freePorts(1);
    const listen = `127.0.0.1:${port}`;
    await this.#ask('POST', '/proxies', { name, listen, upstream, enabled: true });
    if (toxic === 'down') await this.#ask('POST', `/proxies/${name}`, { enabled: false });
    else await this.#ask('POST', `/proxies/${name}/toxics`, { ...toxic, name: 'toxic', stream: 'downstream' });
    return listen;
  }

  /** From here on the line is a good one. */
  async heal(name: string): Promise<void> {
    await this.#ask('POST', `/proxies/${name}`, { enabled: true });
    await this.#ask('DELETE', `/proxies/${name}/toxics/toxic`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const ended = once(this.#child, 'exit');
    this.#child.kill('SIGKILL');
    await ended;
  }

  async #ask(method: string, path: string, body?: unknown): Promise<void> {
    const answer = await fetch(`${this.#api}${path}`, {
      method,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    if (!answer.ok && method !== 'DELETE') throw new Error(`toxiproxy: ${answer.status} ${await answer.text()}`);
  }
}
