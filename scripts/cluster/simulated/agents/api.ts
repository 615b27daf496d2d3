import { readFile } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import { Agent, request } from 'node:https';
import { setTimeout as sleep } from 'node:timers/promises';

/** The part of an object that everything has. */
export interface KubeObject {
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly uid: string;
    readonly creationTimestamp: string;
    readonly deletionTimestamp?: string;
  };
}

/** What is told of a kind of objects as they are followed. */
export interface Follower<T extends KubeObject> {
  /** All that there are; what was told before and is missing is gone. */
  replaced(objects: readonly T[]): void;
  changed(object: T): void;
  deleted(object: T): void;
}

interface Sending {
  readonly body?: object | undefined;
  readonly contentType?: string;
  readonly signal?: AbortSignal | undefined;
}

/** Between two tries to reach the API server. */
const RETRY_MS = 200;

/**
 * An API server as this stub needs it. It shares no code with the operator's own client, which is tested against it:
 * a fault of that one must not be hidden by the same fault here.
 */
export class Api {
  readonly #server: string;
  readonly #agent: Agent;

  /** @param kubeconfig path of a file that has its certificates inside */
  static async open(kubeconfig: string): Promise<Api> {
    const { clusters, users } = JSON.parse(await readFile(kubeconfig, 'utf8'));
    const decode = (text: string) => Buffer.from(text, 'base64');
    const { cluster } = clusters[0];
    const { user } = users[0];
    const agent = new Agent({
      keepAlive: true,
      maxSockets: 16,
      ca: decode(cluster['certificate-authority-data']),
      cert: decode(user['client-certificate-data']),
      key: decode(user['client-key-data']),
    });
    return new Api(String(cluster.server), agent);
  }

  private constructor(server: string, agent: Agent) {
    this.#server = server;
    this.#agent = agent;
  }

  /** The status and the text of the answer. @throws when there is none */
  async ask(
    method: string,
    path: string,
    body?: object,
    contentType = 'application/json',
  ): Promise<{ status: number; text: string }> {
    const response = await this.#send(method, path, { body, contentType });
    const parts: Buffer[] = [];
    for await (const part of response as AsyncIterable<Buffer>) parts.push(part);
    return { status: response.statusCode ?? 0, text: Buffer.concat(parts).toString('utf8') };
  }

  /** Tells of all objects at this path and of each change until it is told to end; after any trouble it begins anew. */
  async follow<T extends KubeObject>(path: string, follower: Follower<T>, signal?: AbortSignal): Promise<void> {
    while (!hasEnded(signal)) {
      try {
        await this.#watch(path, await this.#list(path, follower), follower, signal);
      } catch (error) {
        if (hasEnded(signal)) return;
        process.stderr.write(`${path}: ${String(error)}\n`);
      }
      await sleep(RETRY_MS);
    }
  }

  async #list<T extends KubeObject>(path: string, follower: Follower<T>): Promise<string> {
    const { status, text } = await this.ask('GET', path);
    if (status !== 200) throw new Error(`answered ${status}: ${text.slice(0, 200)}`);
    const { items, metadata } = JSON.parse(text);
    follower.replaced(items);
    return metadata.resourceVersion;
  }

  async #watch<T extends KubeObject>(
    path: string,
    version: string,
    follower: Follower<T>,
    signal?: AbortSignal,
  ): Promise<void> {
    const response = await this.#send('GET', `${path}?watch=true&resourceVersion=${version}`, { signal });
    response.setEncoding('utf8');
    let rest = '';
    for await (const chunk of response) {
      const lines = `${rest}${String(chunk)}`.split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) tell(JSON.parse(line), follower);
    }
  }

  #send(
    method: string,
    path: string,
    { body, contentType = 'application/json', signal }: Sending,
  ): Promise<IncomingMessage> {
    return new Promise((resolve, reject) => {
      const headers = { 'content-type': contentType, 'user-agent': 'simulated-agents' };
      const sent = request(
        `${this.#server}${path}`,
        { method, agent: this.#agent, headers, ...(signal === undefined ? {} : { signal }) },
        resolve,
      );
      sent.once('error', reject);
      sent.end(body === undefined ? undefined : JSON.stringify(body));
    });
  }
}

/** Asked anew each time: it changes while something is awaited. */
function hasEnded(signal: AbortSignal | undefined): boolean {
  return signal?.aborted === true;
}

function tell<T extends KubeObject>(event: { type: string; object: T }, follower: Follower<T>): void {
  switch (event.type) {
    case 'ADDED':
    case 'MODIFIED':
      follower.changed(event.object);
      return;
    case 'DELETED':
      follower.deleted(event.object);
      return;
    default:
      throw new Error(`watch told ${JSON.stringify(event).slice(0, 200)}`);
  }
}
