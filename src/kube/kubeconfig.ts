import { readFile } from 'node:fs/promises';
import http from 'node:http';
import type https from 'node:https';
import type { KubeConfig } from '@kubernetes/client-node';
import type { CredentialSource } from './credentials.ts';

/**
 * A kubeconfig file with everything that may stand in one: certificates, tokens, plugins, proxies. It is loaded again
 * when it changed or was refused, and only then: what is loaded remembers what its plugins said, until that expires.
 */
export function kubeconfig(file: string): CredentialSource {
  let loaded: { text: string; config: KubeConfig } | undefined;
  const load = async (again: boolean): Promise<KubeConfig> => {
    const text = await readFile(file, 'utf8');
    if (again || loaded?.text !== text) {
      const { KubeConfig: Config } = await import('@kubernetes/client-node');
      const config = new Config();
      config.loadFromFile(file);
      loaded = { text, config };
    }
    return loaded.config;
  };
  return {
    server: async () => new URL(currentCluster(await load(false)).server),
    read: async (refused) => {
      const config = await load(refused);
      const { server, proxyUrl } = currentCluster(config);
      const options: https.RequestOptions = {};
      if (server.startsWith('https:')) await config.applyToHTTPSOptions(options);
      const { ca, cert, key, pfx, passphrase, servername, rejectUnauthorized } = options;
      return {
        headers: headersOf(options),
        tls: { ca, cert, key, pfx, passphrase, servername, rejectUnauthorized },
        ...(proxyUrl !== undefined && options.agent instanceof http.Agent ? { agent: options.agent } : {}),
      };
    },
  };
}

function currentCluster(config: KubeConfig): { readonly server: string; readonly proxyUrl?: string } {
  const cluster = config.getCurrentCluster();
  if (cluster === null)
    throw new Error('the kubeconfig has no current context: set one with kubectl config use-context');
  return cluster;
}

function headersOf(options: https.RequestOptions): Record<string, string> {
  const headers = Object.entries((options.headers ?? {}) as Record<string, unknown>).map(([key, value]) => [
    key,
    String(value).trim(),
  ]);
  const basic = options.auth ? [['Authorization', `Basic ${Buffer.from(options.auth).toString('base64')}`]] : [];
  return Object.fromEntries([...headers, ...basic]);
}
