import http from 'node:http';
import net, { type AddressInfo } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import type { AgentReport } from '../../../contract/agent-report.ts';
import { report } from '../observed.fixture.ts';
import { type ConnectToPod, type FollowOptions, followReports, TokenRefused } from './agent-stream.ts';

const ADDRESS = {
  namespace: 'school',
  emulator: 'classroom',
  emulatorUid: 'e',
  pod: 'classroom-0',
  uid: 'pod-0',
  ip: '10.0.0.1',
};
const servers: http.Server[] = [];
const bareServers: net.Server[] = [];

afterEach(() => {
  for (const server of bareServers.splice(0)) server.close();
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    server.close();
  }
});

/** What the operator hears, until the end, of an agent on this machine that answers as the test says. */
async function listen(answer: http.RequestListener): Promise<AgentReport[]> {
  const { connect } = await serve(answer);
  return hear(connect);
}

async function serve(answer: http.RequestListener) {
  const server = http.createServer(answer);
  servers.push(server);
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const { port } = server.address() as AddressInfo;
  return { connect: () => net.connect({ host: '127.0.0.1', port }) };
}

async function hear(connect: ConnectToPod, options: Partial<FollowOptions> = {}): Promise<AgentReport[]> {
  const heard: AgentReport[] = [];
  const { signal } = new AbortController();
  await followReports(connect, ADDRESS, 'right', { signal, onReport: (said) => heard.push(said), ...options });
  return heard;
}

const line = (said: AgentReport): string => `${JSON.stringify(said)}\n`;

test('each line is a report, however the bytes are cut', async () => {
  const heard = await listen((request, response) => {
    expect(request.headers.authorization).toBe('Bearer right');
    const bytes = Buffer.from(line(report(0, { message: 'Größe' })) + line(report(0, { phase: 'Paused' })));
    for (const byte of bytes) response.write(Buffer.from([byte]));
    response.end();
  });
  expect(heard.map(({ phase, message }) => [phase, message])).toEqual([
    ['Running', 'Größe'],
    ['Paused', 'The guest runs'],
  ]);
});

test('a report that is repeated as a sign of life is the same one, and costs no second look', async () => {
  const [said, other] = [line(report(0)), line(report(0, { phase: 'Paused' }))];
  const [first, again, changed, back] = await listen((_request, response) => response.end(said + said + other + said));
  expect(again).toBe(first);
  expect(changed?.phase).toBe('Paused');
  expect(back).toEqual(first);
  expect(back).not.toBe(first);
});

test('a token that the agent does not know is told apart from other failures', async () => {
  const reports = listen((_request, response) => response.writeHead(401).end());
  await expect(reports).rejects.toBeInstanceOf(TokenRefused);
});

test('the report of another pod at this address is not taken', async () => {
  const reports = listen((_request, response) => response.end(line(report(0, { podUid: 'somebody-else' }))));
  await expect(reports).rejects.toThrow(/answers as another pod/);
});

test('what is no report is refused', async () => {
  const reports = listen((_request, response) => response.end('{"phase":"Running"}\n'));
  await expect(reports).rejects.toThrow();
});

test('an address that never lets us in counts as silent', async () => {
  const neverFound = () => undefined;
  const connect = () => net.connect({ host: 'classroom-0.test', port: 1, lookup: neverFound });
  await expect(hear(connect, { idleMs: 50 })).rejects.toThrow('the agent of classroom-0 is silent');
});

test('an agent that says nothing more counts as silent', async () => {
  const { connect } = await serve((_request, response) => response.write(line(report(0))));
  await expect(hear(connect, { idleMs: 200 })).rejects.toThrow('the agent of classroom-0 is silent');
});

test('a stream that is cut has failed', async () => {
  const mute = await serve((request) => request.socket.end());
  await expect(hear(mute.connect)).rejects.toThrow('without an answer');
  const gone = await serve((request, response) => {
    response.write(line(report(0)), () => request.socket.end());
  });
  await expect(hear(gone.connect)).rejects.toThrow('in the middle');
});

/** Somebody at the address who says this, and leaves the connection open. */
async function saying(bytes: string) {
  const closed = Promise.withResolvers<void>();
  const server = net.createServer((socket) => {
    socket.on('error', () => undefined).once('close', () => closed.resolve());
    socket.resume();
    socket.write(bytes);
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  bareServers.push(server);
  const { port } = server.address() as AddressInfo;
  return { connect: () => net.connect({ host: '127.0.0.1', port }), closed: closed.promise };
}

test('an answer that says that this was all has ended, whatever becomes of the connection', async () => {
  const said = line(report(0));
  const chunk = `${Buffer.byteLength(said).toString(16)}\r\n${said}\r\n`;
  const proxy = await saying(`HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${chunk}0\r\n\r\n`);
  expect(await hear(proxy.connect)).toHaveLength(1);
  await proxy.closed;
});

test('what is no HTTP is refused, and its connection closed', async () => {
  const mailer = await saying('220 smtp.example ready\r\n\r\n');
  await expect(hear(mailer.connect)).rejects.toThrow('is not HTTP');
  await mailer.closed;
});

test('a connection that is closed before it is used is no stream', async () => {
  await expect(hear(() => new net.Socket().destroy())).rejects.toThrow('closed already');
});

test('a line without an end is no report', async () => {
  const { connect } = await serve((_request, response) => response.end('x'.repeat(300 * 1024)));
  await expect(hear(connect)).rejects.toThrow('without the end of a line');
});

test.each(['before it is connected', 'in the middle'])('it ends when it is told to: %s', async (when) => {
  const closed = Promise.withResolvers<void>();
  const { connect } = await serve((request, response) => {
    request.socket.once('close', closed.resolve);
    response.write(line(report(0)));
  });
  const abort = new AbortController();
  const isMiddle = when === 'in the middle';
  if (!isMiddle) abort.abort();
  const hearing = hear(connect, { signal: abort.signal, onReport: () => abort.abort() });
  await expect(hearing).rejects.toThrow('not asked any more');
  if (isMiddle) await closed.promise;
});
