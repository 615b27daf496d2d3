import { once } from 'node:events';
import { connect, Socket } from 'node:net';
import { createInterface } from 'node:readline';
import { Readable } from 'node:stream';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ControlRequest } from '../contract/control.ts';
import { type AgentServer, startAgentServer } from './http-server.ts';
import { ReportState } from './report-state.ts';

const log = pino({ level: 'silent' });
const authorization = { authorization: 'Bearer s3cret' };
let report: ReportState;
let server: AgentServer;
let asked: ControlRequest[];

beforeEach(async () => {
  asked = [];
  report = new ReportState({ podUid: 'uid', phase: 'Starting', message: 'QEMU is being started.' });
  server = await startAgentServer({
    port: 0,
    report,
    readToken: async () => 's3cret\n',
    control: async (request) => {
      asked.push(request);
      return request.action === 'Screenshot' ? { kind: 'Png', png: Buffer.from('png') } : { kind: 'Done' };
    },
    log,
    heartbeatMilliseconds: 20,
  });
});

afterEach(() => server.close());

const get = (path: string, headers: Record<string, string> = {}) =>
  fetch(`http://127.0.0.1:${server.port}${path}`, { headers });
const post = (body: string, headers: Record<string, string> = authorization) =>
  fetch(`http://127.0.0.1:${server.port}/control`, { method: 'POST', body, headers });

describe('the agent over HTTP', () => {
  const hold = async (count: number, request = ''): Promise<Socket[]> => {
    const sockets = Array.from({ length: count }, () => connect(server.port, '127.0.0.1'));
    await Promise.all(sockets.map((socket) => once(socket, 'connect')));
    for (const socket of sockets) {
      socket.on('error', () => {});
      socket.write(request);
    }
    return sockets;
  };

  it.each([
    ['say nothing', ''],
    ['watch and do not read', 'GET /status?watch=true HTTP/1.1\r\nhost: a\r\nauthorization: Bearer s3cret\r\n\r\n'],
    ['send half a request', 'GET /status HTTP/1.1\r\n'],
  ])('serves probes whatever many clients hold connections and %s', async (_what, request) => {
    const sockets = await hold(64, request);
    for (let probe = 0; probe < 5; probe += 1) {
      const answer = await fetch(`http://127.0.0.1:${server.port}/healthz`, { headers: { connection: 'close' } });
      expect(answer.status).toBe(200);
    }
    const more = await hold(64, request);
    expect((await get('/healthz')).status).toBe(200);
    await expect.poll(() => server.connections()).toBeLessThanOrEqual(64);
    for (const socket of [...sockets, ...more]) socket.destroy();
  });

  it('keeps a watch while others hold connections without a request', async () => {
    const watched = await get('/status?watch=true', authorization);
    const reader = watched.body?.getReader();
    await reader?.read();
    const sockets = await hold(100);
    report.update({ phase: 'Running' });
    expect((await reader?.read())?.done).toBe(false);
    await reader?.cancel();
    for (const socket of sockets) socket.destroy();
  });

  it('keeps no timer for a watcher that left while its token was looked at, which would keep the process', async () => {
    const { promise: token, resolve: giveToken } = Promise.withResolvers<string>();
    const asked = Promise.withResolvers<void>();
    const late = await startAgentServer({
      port: 0,
      report,
      readToken: () => {
        asked.resolve();
        return token;
      },
      log,
    });
    const timers = () => process.getActiveResourcesInfo().filter((resource) => resource === 'Timeout').length;
    const watching = fetch(`http://127.0.0.1:${late.port}/status?watch=true`, { headers: authorization });
    await asked.promise;
    await Promise.all([late.close(), expect(watching).rejects.toThrow()]);
    const before = timers();
    giveToken('s3cret');
    await token;
    await new Promise(setImmediate);
    expect(timers()).toBe(before);
  });

  it('lets a watcher go that takes nothing any more', async () => {
    const [socket] = await hold(
      1,
      'GET /status?watch=true HTTP/1.1\r\nhost: a\r\nauthorization: Bearer s3cret\r\n\r\n',
    );
    const closed = once(socket ?? new Socket(), 'close');
    socket?.pause();
    const flood = setInterval(() => report.update({ message: `${Math.random()} ${'x'.repeat(200_000)}` }), 5);
    // The server has let go when the client, as soon as it reads, comes to an end.
    await expect.poll(() => server.connections(), { timeout: 20_000 }).toBe(0);
    clearInterval(flood);
    socket?.resume();
    await closed;
  });

  it('answers probes and metrics without a token', async () => {
    expect((await get('/healthz')).status).toBe(200);
    const unready = await get('/readyz');
    expect([unready.status, await unready.text()]).toEqual([503, 'Starting: QEMU is being started.\n']);
    report.update({ phase: 'Running', ready: true });
    expect((await get('/readyz')).status).toBe(200);
    expect(await (await get('/metrics')).text()).toMatch(/^loco_machine_ready 1$/m);
  });

  it.each([{}, { authorization: 'Bearer wrong' }, { authorization: 's3cret' }, { authorization: 'Bearer ' }])(
    'tells nothing and does nothing with %o in place of the token',
    async (headers) => {
      const status = await get('/status', headers);
      expect([status.status, await status.text()]).toEqual([401, expect.not.stringContaining('uid')]);
      expect((await post('{"action":"Screenshot"}', headers)).status).toBe(401);
      expect(asked).toEqual([]);
    },
  );

  it('gives the report, and each change of it to whoever watches, and again while nothing changes', async () => {
    expect(await (await get('/status', authorization)).json()).toEqual(report.current);
    const watched = await get('/status?watch=true', authorization);
    expect(watched.headers.get('content-type')).toBe('application/x-ndjson');
    const lines = createInterface({ input: Readable.from(watched.body ?? []) })[Symbol.asyncIterator]();
    const next = async () => JSON.parse(String((await lines.next()).value));
    expect(await next()).toEqual(report.current);
    expect(await next()).toEqual(report.current);
    report.update({ phase: 'Running' });
    await expect.poll(async () => (await next()).phase).toBe('Running');
  });

  it('carries out control actions', async () => {
    const picture = await post('{"action":"Screenshot"}');
    expect([picture.headers.get('content-type'), await picture.text()]).toEqual(['image/png', 'png']);
    expect((await post('{"action":"SerialWrite","text":"hi"}')).status).toBe(204);
    expect(asked).toEqual([{ action: 'Screenshot' }, { action: 'SerialWrite', text: 'hi' }]);
  });

  it.each(['', '{', '{"action":"Explode"}', `{"action":"SerialWrite","text":"${'x'.repeat(100_000)}"}`])(
    'refuses a control action that it does not know (%#)',
    async (body) => {
      expect((await post(body)).status).toBe(400);
    },
  );

  it('refuses control where there is no guest', async () => {
    const preparing = await startAgentServer({ port: 0, report, readToken: async () => 's3cret', log });
    const answer = await fetch(`http://127.0.0.1:${preparing.port}/control`, {
      method: 'POST',
      body: '{"action":"Screenshot"}',
      headers: authorization,
    });
    expect([answer.status, await answer.json()]).toMatchObject([409, { reason: 'NoGuest' }]);
    await preparing.close();
  });

  it('lets nobody in while the token is empty', async () => {
    const open = await startAgentServer({ port: 0, report, readToken: async () => '', log });
    const url = `http://127.0.0.1:${open.port}/status`;
    expect((await fetch(url, { headers: { authorization: 'Bearer ' } })).status).toBe(401);
    await open.close();
  });

  it('says what it knows for any other path', async () => {
    expect((await get('/')).status).toBe(404);
  });
});
