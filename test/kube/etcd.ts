import type { SimulatedCluster } from '../../scripts/cluster/simulated/index.ts';
import { waitFor } from '../../scripts/cluster/wait.ts';

const PORT = 23_790;

/** etcd listens inside the cluster alone: a program there passes on what comes from outside. */
const FORWARD = `
  import net from 'node:net';
  net.createServer((near) => {
    const far = net.connect(2379, '127.0.0.1');
    near.pipe(far).pipe(near);
    for (const socket of [near, far]) socket.on('error', () => socket.destroy());
  }).listen(${PORT});`;

/** Lets a test talk to the etcd of a simulated cluster. */
export async function openEtcd(cluster: SimulatedCluster) {
  await cluster.spawn([process.execPath, '--input-type=module', '-e', FORWARD], { name: 'to-etcd' });
  const base = `http://${new URL(cluster.server).hostname}:${PORT}/v3`;
  const call = async (path: string, body: object): Promise<{ header: { revision: string } }> => {
    const response = await fetch(`${base}/${path}`, { method: 'POST', body: JSON.stringify(body) });
    if (!response.ok) throw new Error(`etcd: ${response.status} ${await response.text()}`);
    return (await response.json()) as { header: { revision: string } };
  };
  const present = () => call('kv/range', { key: 'AA==' });
  // The program is there as soon as it is started, and listens a moment later.
  let refusal = '';
  const answered = () =>
    present().catch((error: unknown) => {
      refusal = String(error);
      return undefined;
    });
  await waitFor('the way to etcd', answered, { seconds: 30, why: () => refusal });
  return {
    /** Forgets everything but the present. */
    compact: async (): Promise<void> => {
      const { header } = await present();
      await call('kv/compaction', { revision: header.revision, physical: true });
    },
  };
}
