import { createServer, type Server } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { step, UserError } from '../console.ts';

async function tryListen(name: string): Promise<Server | undefined> {
  const server = createServer();
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EADDRINUSE') resolve(undefined);
      else reject(error);
    });
    server.listen(`\0${name}`, () => resolve(server));
  });
}

/**
 * Does the work while no other command holds the same name. The lock is an abstract socket: the kernel gives it back
 * when its holder ends, however that ends.
 */
export async function withLock<T>(name: string, work: () => Promise<T>): Promise<T> {
  const end = performance.now() + 15 * 60_000;
  let told = false;
  while (true) {
    const server = await tryListen(name);
    if (server !== undefined) {
      try {
        return await work();
      } finally {
        server.close();
      }
    }
    if (!told) step('Waiting for another command that works on this cluster');
    told = true;
    if (performance.now() > end)
      throw new UserError('Another command has worked on this cluster for 15 minutes: end it.');
    await sleep(300);
  }
}
