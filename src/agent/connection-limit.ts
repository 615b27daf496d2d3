import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

/** The newest connections may not have said yet what they want. */
const SPARED = 8;

/**
 * Keeps a server from being filled up by clients that hold connections and don't let go: past the maximum the oldest
 * connection without a request makes room for the new one, else the oldest of all. Kubernetes' probes, each of which
 * is new and short, are always served; a watch that is ended is opened again by its client.
 */
export function limitConnections(server: Server, maximum: number): void {
  // In the order in which they came.
  const connections = new Set<Socket>();
  const busy = new Map<Socket, number>();
  server.on('connection', (socket: Socket) => {
    connections.add(socket);
    socket.once('close', () => connections.delete(socket));
    if (connections.size <= maximum) return;
    const others = [...connections].filter((each) => each !== socket);
    const victim = others.slice(0, -SPARED).find((each) => !busy.has(each)) ?? others[0];
    if (victim === undefined) return;
    // At once: until it has closed, it would be counted, and chosen, again.
    connections.delete(victim);
    victim.destroy();
  });
  server.on('request', ({ socket }: IncomingMessage, response: ServerResponse) => {
    busy.set(socket, (busy.get(socket) ?? 0) + 1);
    response.once('close', () => {
      const left = (busy.get(socket) ?? 1) - 1;
      if (left === 0) busy.delete(socket);
      else busy.set(socket, left);
    });
  });
}
