import { once } from 'node:events';
import { createServer, type Server } from 'node:net';

/** So many TCP ports that are free now, each another one, and high enough for QEMU's display numbers. */
export async function freePorts(count: number): Promise<number[]> {
  // All are taken before the first is given back: else the kernel may name the same one twice.
  const servers = Array.from({ length: count }, () => createServer().listen(0));
  await Promise.all(servers.map((server) => once(server, 'listening')));
  const ports = servers.map(portOf);
  for (const server of servers) server.close();
  await Promise.all(servers.map((server) => once(server, 'close')));
  return ports;
}

function portOf(server: Server): number {
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}
