import net, { type AddressInfo, type Socket } from 'node:net';
import { systemClock } from '../../src/kube/clock.ts';
import type { Connection } from '../../src/kube/connection.ts';
import { CredentialCache } from '../../src/kube/credentials.ts';
import { kubeconfig } from '../../src/kube/kubeconfig.ts';

/** A cable between a client and a server, which a test can cut. */
export interface Line {
  readonly connection: Connection;
  /** Ends all connections and takes no new ones. */
  cut(): void;
  /** Takes connections again. */
  mend(): void;
  /** What is open stays open, and nothing comes through it any more; what is opened later works. */
  silence(): void;
  close(): Promise<void>;
}

/** A line to the server of a kubeconfig, with its credentials. */
export async function openLine(kubeconfigFile: string): Promise<Line> {
  const source = kubeconfig(kubeconfigFile);
  const target = await source.server();
  let isCut = false;
  const pairs = new Set<readonly [Socket, Socket]>();
  const server = net.createServer((near) => {
    if (isCut) {
      near.destroy();
      return;
    }
    const far = net.connect(Number(target.port), target.hostname);
    const pair = [near, far] as const;
    pairs.add(pair);
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      from.on('error', () => to.destroy());
      from.on('close', () => {
        to.destroy();
        pairs.delete(pair);
      });
      from.pipe(to);
    }
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const { port } = server.address() as AddressInfo;
  const here = new URL(`https://127.0.0.1:${port}`);
  const connection = await CredentialCache.open({ ...source, server: async () => here }, systemClock);
  const cut = (): void => {
    isCut = true;
    for (const pair of pairs) for (const socket of pair) socket.destroy();
  };
  return {
    connection,
    cut,
    mend: () => {
      isCut = false;
    },
    silence: () => {
      for (const pair of pairs) {
        for (const socket of pair) {
          socket.unpipe();
          socket.pause();
        }
      }
    },
    close: async () => {
      cut();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
