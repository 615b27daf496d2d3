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

afterEach(() => {
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

test('an answer that is cut before its reports has failed, and later its reports have ended', async () => {
  const mute = await serve((request) => request.socket.destroy());
  await expect(hear(mute.connect)).rejects.toThrow();
  const gone = await serve((request, response) => {
    response.write(`${line(report(0))}{"phase":`, () => request.socket.destroySoon());
  });
  expect(await hear(gone.connect)).toHaveLength(1);
});

test('what is no HTTP is refused', async () => {
  const server = net.createServer((socket) => socket.end('220 smtp.example ready\r\n\r\n'));
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const { port } = server.address() as AddressInfo;
  await expect(hear(() => net.connect({ host: '127.0.0.1', port }))).rejects.toThrow('is not HTTP');
  server.close();
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
