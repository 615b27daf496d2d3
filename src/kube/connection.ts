import http from 'node:http';
import https from 'node:https';
import { KubeConfig } from '@kubernetes/client-node';
import type { Clock } from './clock.ts';

/** Where the API server is and how to be let in. */
export interface Connection {
  readonly server: URL;
  readonly agent: http.Agent;
  /** Headers that authenticate a request; asked for each one, because tokens expire. */
  headers(): Promise<Record<string, string>>;
}

/** Tokens and exec credentials are looked at again after this time, as client-go does. */
const CREDENTIALS_MS = 60_000;

/** The connection that a kubeconfig file names, or the pod's own service account when no file is given. */
export function openConnection(clock: Clock, kubeconfigFile?: string): Promise<Connection> {
  const config = new KubeConfig();
  if (kubeconfigFile === undefined) config.loadFromCluster();
  else config.loadFromFile(kubeconfigFile);
  return connectionOf(config, clock);
}

/** TLS settings are read once; client certificates that rotate need a new process, tokens don't. */
async function connectionOf(config: KubeConfig, clock: Clock): Promise<Connection> {
  const cluster = config.getCurrentCluster();
  if (cluster === null)
    throw new Error('the kubeconfig has no current context: set one with kubectl config use-context');
  const server = new URL(cluster.server);
  const first = await requestOptions(config, server);
  const tls = {
    ca: first.ca,
    cert: first.cert,
    key: first.key,
    servername: first.servername,
    rejectUnauthorized: first.rejectUnauthorized,
  };
  const pooled = { keepAlive: true, keepAliveMsecs: 15_000, scheduling: 'lifo' } as const;
  const agent =
    server.protocol === 'http:' ? new http.Agent(pooled) : new https.Agent({ ...pooled, ...definedOnly(tls) });
  let cached = { at: clock.now(), headers: headersOf(first) };
  return {
    server,
    agent: cluster.proxyUrl !== undefined && first.agent instanceof http.Agent ? first.agent : agent,
    headers: async () => {
      if (clock.now() - cached.at > CREDENTIALS_MS) {
        cached = { at: clock.now(), headers: headersOf(await requestOptions(config, server)) };
      }
      return cached.headers;
    },
  };
}

async function requestOptions(config: KubeConfig, server: URL): Promise<https.RequestOptions> {
  const options: https.RequestOptions = {};
  if (server.protocol === 'https:') await config.applyToHTTPSOptions(options);
  return options;
}

function headersOf(options: https.RequestOptions): Record<string, string> {
  const headers = Object.entries((options.headers ?? {}) as Record<string, unknown>).map(([key, value]) => [
    key,
    String(value).trim(),
  ]);
  const basic = options.auth ? [['Authorization', `Basic ${Buffer.from(options.auth).toString('base64')}`]] : [];
  return Object.fromEntries([...headers, ...basic]);
}

function definedOnly<T extends object>(value: T): Partial<T> {
  return Object.fromEntries(Object.entries(value).filter(([, part]) => part !== undefined)) as Partial<T>;
}
