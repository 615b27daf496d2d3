import http from 'node:http';
import type { Socket } from 'node:net';
import { type AgentReport, agentReportSchema } from '../../../contract/agent-report.ts';
import { PORTS } from '../../../contract/pod.ts';

/** A pod whose agent can be asked. */
export interface AgentAddress {
  readonly namespace: string;
  readonly emulator: string;
  readonly emulatorUid: string;
  readonly pod: string;
  readonly uid: string;
  readonly ip: string;
}

/** Opens a byte stream to a port of a pod: by its IP in the cluster, by port-forward from outside. */
export type ConnectToPod = (address: AgentAddress, port: number) => Socket | Promise<Socket>;

/** The agent doesn't know the token: it is read again before the next try. */
export class TokenRefused extends Error {}

/** The agent repeats its report every 15 s; silent for twice as long, the connection is dead. */
const IDLE_MS = 35_000;
/** Longer than any report; a stream without line ends must not fill the memory. */
const MAX_LINE = 256 * 1024;

/**
 * Reports of one machine's agent as they come, until the stream ends; one that is repeated is the same object again.
 * Only reports of this very pod are passed on: an address can belong to another pod by the time it is asked.
 * @throws when the agent can't be reached, refuses the token, or says something that is no report
 */
export async function* agentReports(
  connect: ConnectToPod,
  address: AgentAddress,
  token: string,
  signal: AbortSignal,
  idleMs = IDLE_MS,
): AsyncGenerator<AgentReport> {
  const socket = await connect(address, PORTS.agent);
  const response = await request(socket, address, token, { signal, idleMs });
  try {
    if (response.statusCode === 401) throw new TokenRefused(`the agent of ${address.pod} refused the token`);
    if (response.statusCode !== 200) throw new Error(`the agent of ${address.pod} answered ${response.statusCode}`);
    let last: { line: string; report: AgentReport } | undefined;
    for await (const line of lines(response)) {
      if (line !== last?.line) last = { line, report: reportOf(line, address) };
      yield last.report;
    }
  } finally {
    response.destroy();
    socket.destroy();
  }
}

function reportOf(line: string, { uid, ip }: AgentAddress): AgentReport {
  const report = agentReportSchema.parse(JSON.parse(line));
  if (report.podUid !== uid) throw new Error(`${ip} answers as another pod (${report.podUid})`);
  return report;
}

function request(
  socket: Socket,
  address: AgentAddress,
  token: string,
  { signal, idleMs }: { signal: AbortSignal; idleMs: number },
): Promise<http.IncomingMessage> {
  return new Promise((resolve, reject) => {
    const sent = http.get({
      createConnection: () => socket,
      host: address.ip,
      port: PORTS.agent,
      path: '/status?watch=true',
      headers: { Authorization: `Bearer ${token}`, Connection: 'close' },
      signal,
    });
    // On the socket it counts while that connects, too; on the request it wouldn't.
    socket.setTimeout(idleMs, () => sent.destroy(new Error(`the agent of ${address.pod} is silent`)));
    // For good: an error after the answer has begun is told by the answer's own stream, and must not end the process.
    sent.on('error', reject);
    sent.once('response', resolve);
  });
}

async function* lines(response: http.IncomingMessage): AsyncGenerator<string> {
  response.setEncoding('utf8');
  let rest = '';
  for await (const chunk of response) {
    const parts = `${rest}${String(chunk)}`.split('\n');
    rest = parts.pop() ?? '';
    if (rest.length > MAX_LINE) throw new Error('the agent sent a line that is too long to be a report');
    yield* parts.filter((part) => part !== '');
  }
}
