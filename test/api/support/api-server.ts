import type { RequestOptions } from 'node:https';
import { Agent, request } from 'node:https';
import { KubeConfig } from '@kubernetes/client-node';
import { z } from 'zod';

const causeSchema = z.object({ reason: z.string().optional(), field: z.string().optional(), message: z.string() });

const statusSchema = z.object({
  message: z.string().default(''),
  details: z.object({ causes: z.array(causeSchema).default([]) }).default({ causes: [] }),
});

/** One thing the API server has against a manifest: the field, and the sentence that people see. */
export type Cause = z.infer<typeof causeSchema>;

/** What the API server made of a request. */
export interface Answer {
  readonly code: number;
  readonly body: unknown;
  /** The whole sentence of a refusal. */
  readonly message: string;
  readonly causes: readonly Cause[];
}

interface Call {
  readonly method: 'GET' | 'POST' | 'PATCH' | 'DELETE';
  readonly path: string;
  readonly body?: unknown;
  readonly contentType?: string;
  readonly accept?: string;
}

/** The API server of the cluster under test, asked as any client asks it. */
export class ApiServer {
  readonly #server: URL;
  readonly #options: RequestOptions;

  private constructor(server: URL, options: RequestOptions) {
    this.#server = server;
    this.#options = options;
  }

  /** The API server that `LOCO_KUBECONFIG` names. */
  static async open(kubeconfig = process.env.LOCO_KUBECONFIG): Promise<ApiServer> {
    if (kubeconfig === undefined) {
      throw new Error(
        'LOCO_KUBECONFIG names no cluster. Run `npm run cluster -- up`, and set it to what `npm run cluster -- kubeconfig` prints.',
      );
    }
    const config = new KubeConfig();
    config.loadFromFile(kubeconfig);
    const cluster = config.getCurrentCluster();
    if (cluster === null) throw new Error(`${kubeconfig} has no current context`);
    const options: RequestOptions = {};
    await config.applyToHTTPSOptions(options);
    const { ca, cert, key, servername, rejectUnauthorized } = options;
    const tls = Object.entries({ ca, cert, key, servername, rejectUnauthorized }).filter(
      ([, part]) => part !== undefined,
    );
    options.agent = new Agent({ keepAlive: true, ...Object.fromEntries(tls) });
    return new ApiServer(new URL(cluster.server), options);
  }

  /** Sends one request; a refusal is an answer too. */
  async call({
    method,
    path,
    body,
    contentType = 'application/json',
    accept = 'application/json',
  }: Call): Promise<Answer> {
    const payload = body === undefined ? undefined : JSON.stringify(body);
    const headers = {
      ...this.#options.headers,
      Accept: accept,
      ...(payload === undefined ? {} : { 'Content-Type': contentType }),
    };
    const answer = await new Promise<{ code: number; text: string }>((resolve, reject) => {
      const sent = request(new URL(path, this.#server), { ...this.#options, method, headers }, (response) => {
        response.setEncoding('utf8');
        let text = '';
        response.on('data', (part: string) => {
          text += part;
        });
        response.once('error', reject);
        response.once('end', () => resolve({ code: response.statusCode ?? 0, text }));
      });
      sent.once('error', reject);
      sent.end(payload);
    });
    const parsed: unknown = JSON.parse(answer.text);
    const { message, details } = statusSchema.parse(answer.code < 400 ? {} : parsed);
    return { code: answer.code, body: parsed, message, causes: details.causes };
  }

  /** As {@link call}, for what has to succeed. */
  async mustCall(call: Call): Promise<unknown> {
    const answer = await this.call(call);
    if (answer.code >= 400) throw new Error(`${call.method} ${call.path}: ${answer.code} ${answer.message}`);
    return answer.body;
  }
}
