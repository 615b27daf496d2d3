import net from 'node:net';
import { createInterface } from 'node:readline';
import { execa } from 'execa';
import type { ConnectToPod } from '../src/operator/emulator/machines/agent-stream.ts';
import type { Cluster } from './cluster/index.ts';

/** Reaches pods by `kubectl port-forward`, one a connection, where their addresses aren't routed to this machine. */
export function connectByPortForward(cluster: Pick<Cluster, 'kubectl' | 'kubeconfig'>): ConnectToPod {
  return async ({ namespace, pod }, port) => {
    const args = ['port-forward', '-n', namespace, `pod/${pod}`, `:${port}`];
    const forward = execa(cluster.kubectl, args, { env: { KUBECONFIG: cluster.kubeconfig }, reject: false });
    const localPort = new Promise<number>((resolve, reject) => {
      createInterface({ input: forward.stdout }).on('line', (line) => {
        const local = /^Forwarding from 127\.0\.0\.1:([0-9]+)/.exec(line)?.[1];
        if (local !== undefined) resolve(Number(local));
      });
      forward.then(({ stderr }) => reject(new Error(`kubectl port-forward to ${pod} ended: ${stderr}`)), reject);
    });
    const socket = net.connect({ host: '127.0.0.1', port: await localPort });
    socket.once('close', () => forward.kill());
    return socket;
  };
}
