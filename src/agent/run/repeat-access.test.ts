import { mkdtemp } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, it } from 'vitest';
import { systemClock } from '../environment.ts';
import { success } from '../failure.ts';
import { framed } from './gdb.ts';
import type { QmpClient } from './qmp.ts';
import { AccessRepeater } from './repeat-access.ts';

/** A monitor of a guest that is at one address after the other, and held there. */
function monitorAt(addresses: readonly string[]): QmpClient {
  let looks = 0;
  return {
    qemuVersion: '10.0.2',
    execute: async (_command, schema) => success(schema.parse({ status: 'debug' })),
    humanMonitor: async (command) => {
      if (command !== 'info registers') return success('');
      looks += 1;
      return success(`EIP=${addresses[looks - 1]}\nCS =0000 00000000`);
    },
    onEvent: () => () => {},
    close: () => {},
  };
}

it('a breakpoint that QEMU did not say to have removed is remembered, and removed before the next one', async () => {
  const socketPath = path.join(await mkdtemp(path.join(tmpdir(), 'loco-repeat-')), 'gdb.sock');
  const packets: string[] = [];
  let silent = true;
  const server = createServer((socket) => {
    socket.on('error', () => {});
    socket.on('data', (data) => {
      const packet = /\$(.*)#/.exec(data.toString('latin1'))?.[1];
      if (packet === undefined) return;
      packets.push(packet);
      if (!(silent && packet.startsWith('z0'))) socket.write(framed('OK'));
    });
  });
  await new Promise<void>((resolve) => {
    server.listen(socketPath, resolve);
  });
  const repeater = new AccessRepeater(monitorAt(['00007c10', '00007c20']), socketPath, systemClock);
  expect(await repeater.repeat()).toMatchObject({ ok: false, failure: { reason: 'GDBTimeout' } });
  expect(repeater.hasBreakpoint).toBe(true);
  silent = false;
  expect(await repeater.repeat()).toMatchObject({ ok: true });
  expect(repeater.hasBreakpoint).toBe(false);
  expect(packets).toEqual(['Z0,7c10,1', 'z0,7c10,1', 'z0,7c10,1', 'Z0,7c20,1', 'z0,7c20,1']);
  server.close();
});
