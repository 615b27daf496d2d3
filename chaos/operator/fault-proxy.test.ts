import { once } from 'node:events';
import type http from 'node:http';
import https from 'node:https';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import { seeded } from '../random.ts';
import { FaultProxy } from './fault-proxy.ts';
import { Line } from './line.ts';
import { type SelfSigned, selfSigned } from './self-signed.ts';

const host = '127.0.0.1';

interface Seen {
  readonly method: string | undefined;
  readonly url: string | undefined;
  readonly headers: http.IncomingHttpHeaders;
  readonly body: string;
}

let pair: SelfSigned;
let upstream: https.Server;
let proxy: FaultProxy;
let line: Line;
let agent: https.Agent;
const seen: Seen[] = [];
const streams: http.ServerResponse[] = [];

/** Answers everything; what is watched gets its first line at once, and more when the test says so. */
async function serve(request: http.IncomingMessage, response: http.ServerResponse): Promise<void> {
  let body = '';
  for await (const chunk of request) body += String(chunk);
  seen.push({ method: request.method, url: request.url, headers: request.headers, body });
  response.writeHead(200, { 'Content-Type': 'application/json' });
  if (!request.url?.includes('watch')) {
    response.end('{"done":true}');
    return;
  }
  streams.push(response);
  response.write('first\n');
}

function ask(path: string, options: https.RequestOptions = {}, body?: string): Promise<http.IncomingMessage> {
  const sent = https.request({ host, port: line.port, path, agent, ...options });
  sent.end(body);
  return new Promise((resolve, reject) => {
    sent.on('error', reject);
    sent.once('response', resolve);
  });
}

async function textOf(response: http.IncomingMessage): Promise<string> {
  let text = '';
  for await (const chunk of response) text += String(chunk);
  return text;
}

beforeAll(async () => {
  pair = await selfSigned(host);
  upstream = https.createServer(pair, (request, response) => void serve(request, response));
  upstream.listen(0, host);
  await once(upstream, 'listening');
  const address = upstream.address();
  const port = typeof address === 'object' ? address?.port : undefined;
  const server = new URL(`https://${host}:${port}`);
  proxy = await FaultProxy.open({ ...pair, host, upstream: { server, ca: pair.cert }, random: seeded(1) });
  line = await Line.open(host, { host, port: proxy.port });
});

beforeEach(() => {
  seen.length = 0;
  streams.length = 0;
  proxy.set();
  line.set('Up');
  agent = new https.Agent({ keepAlive: true, ca: pair.cert });
});

afterEach(async () => {
  agent.destroy();
  await vi.waitFor(() => expect(line.connections).toBe(0), 10_000);
});

afterAll(async () => {
  await line.close();
  await proxy.close();
  upstream.closeAllConnections();
  upstream.close();
});

test('in calm weather a request and its answer pass as they are', async () => {
  const headers = { 'User-Agent': 'somebody', Authorization: 'Bearer secret', 'Content-Type': 'application/json' };
  const response = await ask('/apis/x?force=true', { method: 'PATCH', headers }, '{"a":1}');
  expect(response.statusCode).toBe(200);
  expect(await textOf(response)).toBe('{"done":true}');
  expect(seen[0]).toMatchObject({ method: 'PATCH', url: '/apis/x?force=true', body: '{"a":1}' });
  expect(seen[0]?.headers).toMatchObject({ 'user-agent': 'somebody', authorization: 'Bearer secret' });
});

test('a watch streams: each line comes when it is sent', async () => {
  const response = await ask('/watch');
  expect(String((await once(response, 'data'))[0])).toBe('first\n');
  streams[0]?.write('second\n');
  expect(String((await once(response, 'data'))[0])).toBe('second\n');
  response.destroy();
});

test('a client that goes away ends its request at the API server', async () => {
  const response = await ask('/watch');
  await once(response, 'data');
  const stream = streams[0];
  if (stream === undefined) throw new Error('nothing was watched');
  const closed = once(stream, 'close');
  response.destroy();
  await closed;
});

test('too many requests are refused with Retry-After and never passed on', async () => {
  proxy.set({ share: 1, faults: ['TooManyRequests'] });
  const response = await ask('/apis/x');
  expect(response.statusCode).toBe(429);
  expect(response.headers['retry-after']).toBe('1');
  expect(JSON.parse(await textOf(response))).toMatchObject({ kind: 'Status', reason: 'TooManyRequests' });
  expect(seen).toEqual([]);
});

test('a server error isn’t passed on, and of a lost answer the request was', async () => {
  proxy.set({ share: 1, faults: ['ServerError'] });
  expect((await ask('/apis/x')).statusCode).toBe(500);
  expect(seen).toEqual([]);
  proxy.set({ share: 1, faults: ['LostAnswer'] });
  expect((await ask('/apis/x', { method: 'POST' }, '{}')).statusCode).toBe(500);
  expect(seen).toMatchObject([{ method: 'POST', body: '{}' }]);
});

test('only a share of the requests meets a fault, the same one for the same seed', async () => {
  proxy.set({ share: 0.5, faults: ['ServerError', 'TooManyRequests'] });
  const codes = new Set<number | undefined>();
  for (let count = 0; count < 30; count += 1) {
    const response = await ask('/apis/x');
    codes.add(response.statusCode);
    response.resume();
  }
  expect([...codes].sort()).toEqual([200, 429, 500]);
});

test('a cut line resets what is open and refuses what comes', async () => {
  const response = await ask('/watch');
  await once(response, 'data');
  const failed = once(response, 'error');
  line.set('Cut');
  await failed;
  await expect(ask('/apis/x')).rejects.toThrow();
  line.set('Up');
  expect((await ask('/apis/x')).statusCode).toBe(200);
});

test('over a half-open line nothing comes and nothing ends, and it stays dead when new connections get through again', async () => {
  const response = await ask('/watch');
  await once(response, 'data');
  const heard: unknown[] = [];
  for (const event of ['data', 'end', 'error', 'close']) response.on(event, (value) => heard.push([event, value]));
  line.set('HalfOpen');
  streams[0]?.write('lost\n');
  const silent = ask('/apis/x').catch(() => 'ended');
  await vi.waitFor(() => expect(line.connections).toBe(2), 10_000);
  line.set('Up');
  const fresh = new https.Agent({ ca: pair.cert, keepAlive: true });
  expect((await ask('/apis/x', { agent: fresh })).statusCode).toBe(200);
  expect(heard).toEqual([]);
  expect(line.connections).toBe(3);
  fresh.destroy();
  agent.destroy();
  expect(await silent).toBe('ended');
});
