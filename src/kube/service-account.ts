import { readFile } from 'node:fs/promises';
import { isIPv6 } from 'node:net';
import { join } from 'node:path';
import type { CredentialSource } from './credentials.ts';

/** Where kubelet puts the token and the cluster's certificate authority, and exchanges them before they expire. */
const FOLDER = '/var/run/secrets/kubernetes.io/serviceaccount';

/** The service account of the pod that we run in, as kubelet tells of it: two variables and two files. */
export function serviceAccount(environment: NodeJS.ProcessEnv, folder = FOLDER): CredentialSource {
  return {
    server: async () => {
      const { KUBERNETES_SERVICE_HOST: host, KUBERNETES_SERVICE_PORT: port } = environment;
      if (!host || !port) {
        throw new Error(
          'KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT are not set: outside of a cluster, give a kubeconfig file',
        );
      }
      return new URL(`https://${isIPv6(host) ? `[${host}]` : host}:${port}`);
    },
    read: async () => {
      const [token, ca] = await Promise.all([
        readFile(join(folder, 'token'), 'utf8'),
        readFile(join(folder, 'ca.crt'), 'utf8'),
      ]);
      if (token.trim() === '') throw new Error(`${join(folder, 'token')} is empty`);
      return { headers: { Authorization: `Bearer ${token.trim()}` }, tls: { ca } };
    },
  };
}
