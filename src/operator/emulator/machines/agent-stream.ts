import type { Socket } from 'node:net';
import { type AgentReport, agentReportSchema } from '../../../contract/agent-report.ts';
import { PORTS } from '../../../contract/pod.ts';
import { AnswerLines } from './answer-lines.ts';

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

/** How a stream is followed. */
export interface FollowOptions {
  readonly signal: AbortSignal;
  /** Told of each report as it comes; one that is repeated is the same object again. */
  readonly onReport: (report: AgentReport) => void;
  readonly idleMs?: number;
}

/**
 * Follows the reports of one machine's agent; resolves when the stream ends. Only reports of this very pod are passed
 * on: an address can belong to another pod by the time it is asked. There is such a stream for each machine, open for
 * as long as the machine runs: it has to be small.
 * @throws when the agent can't be reached, refuses the token, or says something that is no report, when the stream is
 * cut, and when the signal ends it
 */
export async function followReports(
  connect: ConnectToPod,
  address: AgentAddress,
  token: string,
  options: FollowOptions,
): Promise<void> {
  const socket = await connect(address, PORTS.agent);
  if (socket.destroyed) throw new Error(`the connection to the agent of ${address.pod} is closed already`);
  const { signal } = options;
  const stop = (): void => {
    socket.destroy(new Error(`the agent of ${address.pod} is not asked any more`));
  };
  signal.addEventListener('abort', stop);
  try {
    const ended = readAnswer(socket, address, options);
    if (signal.aborted) stop();
    else socket.write(requestText(address, token));
    await ended;
  } finally {
    signal.removeEventListener('abort', stop);
    socket.destroy();
  }
}

function requestText({ ip }: AgentAddress, token: string): string {
  const host = ip.includes(':') ? `[${ip}]` : ip;
  const lines = [
    'GET /status?watch=true HTTP/1.1',
    `Host: ${host}:${PORTS.agent}`,
    `Authorization: Bearer ${token}`,
    'Connection: close',
  ];
  return `${lines.join('\r\n')}\r\n\r\n`;
}

/** Resolves when the answer has ended. @throws when it is cut, is silent for too long, or isn't what it should be */
function readAnswer(
  socket: Socket,
  address: AgentAddress,
  { onReport, idleMs = IDLE_MS }: FollowOptions,
): Promise<void> {
  const { pod } = address;
  let last: { line: string; report: AgentReport } | undefined;
  const answer = new AnswerLines({
    onStatus: (code) => {
      if (code === 401) throw new TokenRefused(`the agent of ${pod} refused the token`);
      if (code !== 200) throw new Error(`the agent of ${pod} answered ${code}`);
    },
    onLine: (line) => {
      if (line === '') return;
      if (line !== last?.line) last = { line, report: reportOf(line, address) };
      onReport(last.report);
    },
  });
  return new Promise((resolve, reject) => {
    socket.setEncoding('latin1');
    socket.setTimeout(idleMs, () => socket.destroy(new Error(`the agent of ${pod} is silent`)));
    socket.on('data', (bytes: string) => {
      try {
        answer.accept(bytes);
      } catch (error) {
        reject(error);
        socket.destroy();
      }
      if (answer.hasEnded) socket.destroy();
    });
    // For good: an error that comes when all is over must not end the process.
    socket.on('error', reject);
    socket.once('close', () => {
      try {
        answer.end();
        resolve();
      } catch (error) {
        reject(error);
      }
    });
  });
}

function reportOf(line: string, { uid, ip }: AgentAddress): AgentReport {
  const report = agentReportSchema.parse(JSON.parse(line));
  if (report.podUid !== uid) throw new Error(`${ip} answers as another pod (${report.podUid})`);
  return report;
}
