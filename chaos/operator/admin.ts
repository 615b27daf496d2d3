import { readFile } from 'node:fs/promises';
import https from 'node:https';
import { setTimeout as sleep } from 'node:timers/promises';
import { parse } from 'yaml';
import { z } from 'zod';

const kubeconfigSchema = z.object({
  clusters: z.array(z.object({ cluster: z.object({ server: z.string(), 'certificate-authority-data': z.string() }) })),
  users: z.array(
    z.object({ user: z.object({ 'client-certificate-data': z.string(), 'client-key-data': z.string() }) }),
  ),
});

/** An API server, and how to be let in: certificates and key in PEM. */
export interface Access {
  readonly server: URL;
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

/** What a kubeconfig file of a test cluster says, certificates and keys in it. */
export async function readAccess(kubeconfig: string): Promise<Access> {
  const { clusters, users } = kubeconfigSchema.parse(parse(await readFile(kubeconfig, 'utf8')));
  const [cluster, user] = [clusters[0]?.cluster, users[0]?.user];
  if (cluster === undefined || user === undefined) throw new Error(`${kubeconfig} names no cluster or no user`);
  const pem = (text: string): string => Buffer.from(text, 'base64').toString();
  return {
    server: new URL(cluster.server),
    ca: pem(cluster['certificate-authority-data']),
    cert: pem(user['client-certificate-data']),
    key: pem(user['client-key-data']),
  };
}

/** What the API server answered; 0 when it didn't. */
export interface Answer {
  readonly code: number;
  readonly body: unknown;
}

export interface Call {
  readonly method: 'GET' | 'POST' | 'PATCH' | 'PUT' | 'DELETE';
  readonly path: string;
  readonly body?: unknown;
  readonly contentType?: string;
}

/** Tells the run's own requests from the operator's in the audit log. */
const ADMIN_USER_AGENT = 'loco-chaos';

const TIMEOUT_MS = 10_000;
const RETRY_MS = 250;
const PATIENCE_MS = 120_000;

/** Straight to the API server, past everything that is made to fail: for what the user does, and for looking. */
export class Admin {
  readonly #server: URL;
  readonly #agent: https.Agent;

  constructor({ server, ...tls }: Access) {
    this.#server = server;
    this.#agent = new https.Agent({ keepAlive: true, ...tls });
  }

  /** One try. */
  once({ method, path, body, contentType = 'application/json' }: Call): Promise<Answer> {
    const payload = body === undefined ? undefined : JSON.stringify(body);
    const headers = {
      'User-Agent': ADMIN_USER_AGENT,
      ...(payload === undefined
        ? {}
        : { 'Content-Type': contentType, 'Content-Length': String(Buffer.byteLength(payload)) }),
    };
    const { hostname, port } = this.#server;
    return new Promise((resolve) => {
      const failed = (): void => resolve({ code: 0, body: undefined });
      const sent = https.request({ agent: this.#agent, hostname, port, path, method, headers, timeout: TIMEOUT_MS });
      sent.on('timeout', () => sent.destroy());
      sent.on('error', failed);
      sent.once('response', (response) => {
        let text = '';
        response.setEncoding('utf8');
        response.on('data', (chunk: string) => {
          text += chunk;
        });
        response.on('error', failed);
        response.on('end', () => resolve({ code: response.statusCode ?? 0, body: parseJson(text) }));
      });
      sent.end(payload);
    });
  }

  /** Again until the API server is there and able; what it says of the request itself is the answer. */
  async insist(call: Call): Promise<Answer> {
    const end = performance.now() + PATIENCE_MS;
    while (true) {
      const answer = await this.once(call);
      const away = answer.code === 0 || answer.code === 429 || answer.code >= 500;
      if (!away) return answer;
      if (performance.now() > end) throw new Error(`${call.method} ${call.path}: no answer for two minutes`);
      await sleep(RETRY_MS);
    }
  }

  /** The items of a list. */
  async list<T>(path: string): Promise<T[]> {
    const { code, body } = await this.insist({ method: 'GET', path });
    if (code !== 200) throw new Error(`GET ${path}: ${code} ${JSON.stringify(body)}`);
    return (body as { items: T[] }).items;
  }

  close(): void {
    this.#agent.destroy();
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // Only what isn't an object of the API's is no JSON, such as the words of a starting server.
    return text;
  }
}
