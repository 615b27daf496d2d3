import type http from 'node:http';
import type { Alarm } from './alarm.ts';
import type { Clock } from './clock.ts';
import { CredentialCache } from './credentials.ts';

/** Where the API server is and how to be let in. */
export interface Connection {
  readonly server: URL;
  /** Carries the TLS settings; another one once those have changed, for the connections to come. */
  readonly agent: http.Agent;
  /**
   * Headers that authenticate a request; asked for each one, because tokens expire. With `refused` the ones that the
   * server didn't take: the same object comes back when there are no others.
   */
  headers(refused?: Readonly<Record<string, string>>): Promise<Readonly<Record<string, string>>>;
  /** Rings when a request heard nothing for too long: others on this connection may wait in vain, too. */
  readonly alarm?: Alarm;
}

/** The connection that a kubeconfig file names, or the pod's own service account when no file is given. */
export async function openConnection(clock: Clock, kubeconfigFile?: string): Promise<Connection> {
  // The library behind kubeconfigs takes 85 MB and a quarter of a second: a pod does without.
  const source =
    kubeconfigFile === undefined
      ? (await import('./service-account.ts')).serviceAccount(process.env)
      : (await import('./kubeconfig.ts')).kubeconfig(kubeconfigFile);
  return CredentialCache.open(source, clock);
}
