import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { connectQmp, type QmpClient } from './qmp.ts';

const GREETING = '{"QMP":{"version":{"qemu":{"micro":2,"minor":0,"major":10},"package":""},"capabilities":[]}}\r\n';
let folder: string;
let server: Server;
let greeting: string;
let answer: (request: { execute: string; id: number }, socket: Socket) => void;

beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'loco-qmp-'));
  greeting = GREETING;
  answer = ({ id }, socket) => socket.write(`{"return":{},"id":${id}}\r\n`);
  server = createServer((socket) => {
    socket.write(greeting);
    socket.on('data', (data) => answer(JSON.parse(String(data)), socket));
    socket.on('error', () => socket.destroy());
  });
  await new Promise<void>((resolve) => server.listen(path.join(folder, 'qmp'), resolve));
});

afterEach(async () => {
  server.close();
  await rm(folder, { recursive: true, force: true });
});

async function connected(): Promise<QmpClient> {
  const client = await connectQmp(path.join(folder, 'qmp'));
  if (!client.ok) {
    throw new Error(client.failure.message);
  }
  return client.value;
}

describe("QEMU's monitor", () => {
  it('says its version', async () => {
    const client = await connected();
    expect(client.qemuVersion).toBe('10.0.2');
    client.close();
  });

  it('gives answers to whom they belong, in any order and in pieces, and events to listeners', async () => {
    const client = await connected();
    const waiting: number[] = [];
    answer = ({ id }, socket) => {
      waiting.push(id);
      if (waiting.length === 2) {
        const [first, second] = waiting;
        socket.write(`{"return":{"status":"b"},"id":${second}}\r\n{"event":"STOP","timestamp":{}}\r\n{"return":{"sta`);
        socket.write(`tus":"a"},"id":${first}}\r\n`);
      }
    };
    const events: string[] = [];
    client.onEvent(({ event }) => events.push(event));
    const schema = z.object({ status: z.string() });
    const first = client.execute('query-status', schema);
    // One request a packet: the server of this test reads them so.
    await expect.poll(() => waiting.length).toBe(1);
    const second = client.execute('query-status', schema);
    expect([await first, await second]).toMatchObject([{ value: { status: 'a' } }, { value: { status: 'b' } }]);
    expect(events).toEqual(['STOP']);
    client.close();
  });

  it.each<[string, string, (id: number, socket: Socket) => void]>([
    ['refuses', 'QMPCommandFailed', (id, socket) => socket.write(`{"id":${id},"error":{"class":"x","desc":"no"}}\n`)],
    ['hangs', 'QMPTimeout', () => {}],
    ['goes away', 'QMPClosed', (_id, socket) => socket.destroy()],
    ['answers something else', 'QMPAnswerUnexpected', (id, socket) => socket.write(`{"id":${id},"return":[1]}\n`)],
  ])('fails with a reason when it %s', async (_what, reason, reply) => {
    const client = await connected();
    answer = ({ id }, socket) => reply(id, socket);
    const result = await client.execute('stop', z.object({}), { timeoutMilliseconds: 200 });
    expect(result).toMatchObject({ ok: false, failure: { reason } });
    client.close();
  });

  it.each([
    ['does not greet', () => (greeting = '\n')],
    ['does not negotiate', () => (answer = () => {})],
  ])('is let go of when it %s', async (_what, hang) => {
    hang();
    const closed = new Promise((resolve) => server.once('connection', (socket) => socket.once('close', resolve)));
    const client = await connectQmp(path.join(folder, 'qmp'), 200);
    expect(client).toMatchObject({ ok: false, failure: { reason: 'QMPTimeout' } });
    await closed;
  });

  it('fails with a reason when it is not there, or gone', async () => {
    expect(await connectQmp(path.join(folder, 'other'))).toMatchObject({ failure: { reason: 'QMPUnreachable' } });
    const client = await connected();
    client.close();
    await expect.poll(() => client.execute('stop', z.unknown())).toMatchObject({ failure: { reason: 'QMPClosed' } });
  });
});
