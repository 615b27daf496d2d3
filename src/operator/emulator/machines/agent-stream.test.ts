import http from 'node:http';
import net, { type AddressInfo } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import type { AgentReport } from '../../../contract/agent-report.ts';
import { report } from '../observed.fixture.ts';
import { agentReports, TokenRefused } from './agent-stream.ts';

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

/** An agent on this machine that answers as the test says, and what the operator hears of it. */
async function listen(answer: http.RequestListener, token = 'right'): Promise<AsyncGenerator<AgentReport>> {
  const server = http.createServer(answer);
  servers.push(server);
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const { port } = server.address() as AddressInfo;
  const connect = () => net.connect({ host: '127.0.0.1', port });
  return agentReports(connect, ADDRESS, token, new AbortController().signal);
}

const line = (said: AgentReport): string => `${JSON.stringify(said)}\n`;

test('each line is a report, however the bytes are cut', async () => {
  const reports = await listen((request, response) => {
    expect(request.headers.authorization).toBe('Bearer right');
    const bytes = Buffer.from(line(report(0, { message: 'Größe' })) + line(report(0, { phase: 'Paused' })));
    for (const byte of bytes) response.write(Buffer.from([byte]));
    response.end();
  });
  const heard: AgentReport[] = [];
  for await (const said of reports) heard.push(said);
  expect(heard.map(({ phase, message }) => [phase, message])).toEqual([
    ['Running', 'Größe'],
    ['Paused', 'The guest runs'],
  ]);
});

test('a report that is repeated as a sign of life is the same one, and costs no second look', async () => {
  const [said, other] = [line(report(0)), line(report(0, { phase: 'Paused' }))];
  const reports = await listen((_request, response) => response.end(said + said + other + said));
  const all: AgentReport[] = [];
  for await (const one of reports) all.push(one);
  const [first, again, changed, back] = all;
  expect(again).toBe(first);
  expect(changed?.phase).toBe('Paused');
  expect(back).toEqual(first);
  expect(back).not.toBe(first);
});

test('a token that the agent does not know is told apart from other failures', async () => {
  const reports = await listen((_request, response) => response.writeHead(401).end());
  await expect(reports.next()).rejects.toBeInstanceOf(TokenRefused);
});

test('the report of another pod at this address is not taken', async () => {
  const reports = await listen((_request, response) => response.end(line(report(0, { podUid: 'somebody-else' }))));
  await expect(reports.next()).rejects.toThrow(/answers as another pod/);
});

test('what is no report is refused', async () => {
  const reports = await listen((_request, response) => response.end('{"phase":"Running"}\n'));
  await expect(reports.next()).rejects.toThrow();
});

test('an address that never lets us in counts as silent', async () => {
  const neverFound = () => undefined;
  const connect = () => net.connect({ host: 'classroom-0.test', port: 1, lookup: neverFound });
  const reports = agentReports(connect, ADDRESS, 'right', new AbortController().signal, 50);
  await expect(reports.next()).rejects.toThrow('the agent of classroom-0 is silent');
});
