import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { connectGdb, framed } from './gdb.ts';

let folder: string;
let server: Server;
let received: string;

beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'loco-gdb-'));
  received = '';
});

afterEach(async () => {
  server?.close();
  await rm(folder, { recursive: true });
});

/** A server that says this to each packet; `pieces` come one after the other. */
async function serve(...pieces: readonly string[]): Promise<string> {
  const socketPath = path.join(folder, 'gdb.sock');
  server = createServer((socket) => {
    socket.setEncoding('latin1').on('data', async (text) => {
      received += text;
      if (!text.includes('$')) return;
      for (const piece of pieces) {
        socket.write(piece);
        await new Promise(setImmediate);
      }
    });
  });
  await new Promise<void>((resolve) => server.listen(socketPath, resolve));
  return socketPath;
}

async function connected(socketPath: string) {
  const connection = await connectGdb(socketPath);
  if (!connection.ok) throw new Error(connection.failure.message);
  return connection.value;
}

describe("QEMU's GDB server", () => {
  it('gets packets with their checksum', () => {
    expect(framed('Z0,f0123,1')).toBe('$Z0,f0123,1#3f');
    expect(framed('')).toBe('$#00');
  });

  it('sets and removes a breakpoint, and may tell between that the guest stopped', async () => {
    const gdb = await connected(await serve('+$T05thr', 'ead:01;#07+', '$O', 'K#9a'));
    expect(await gdb.setBreakpoint(0xf0123)).toEqual({ ok: true, value: undefined });
    expect(await gdb.removeBreakpoint(0xf0123)).toEqual({ ok: true, value: undefined });
    gdb.close();
    await expect.poll(() => received).toBe(`${framed('Z0,f0123,1')}+${framed('z0,f0123,1')}+`);
  });

  it.each(['$E22#a9', '$#00'])('that answers %s has refused', async (answer) => {
    const gdb = await connected(await serve(answer));
    expect(await gdb.setBreakpoint(1)).toMatchObject({ ok: false, failure: { reason: 'GDBRefused' } });
    gdb.close();
  });

  it('that is not there, or says nothing, is a failure', async () => {
    expect(await connectGdb(path.join(folder, 'none'))).toMatchObject({ failure: { reason: 'GDBUnreachable' } });
    const gdb = await connected(await serve());
    expect(await gdb.setBreakpoint(1)).toMatchObject({ ok: false, failure: { reason: 'GDBTimeout' } });
    gdb.close();
  });
});
