import { createHash, timingSafeEqual } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Logger } from 'pino';
import { type AgentReport, machinePhaseSchema } from '../contract/agent-report.ts';
import { type ControlRequest, controlRequestSchema } from '../contract/control.ts';
import { limitConnections } from './connection-limit.ts';
import { type Failure, messageOf } from './failure.ts';
import type { ReportState } from './report-state.ts';

/** What a control action came to. */
export type ControlAnswer =
  | { readonly kind: 'Png'; readonly png: Buffer }
  | { readonly kind: 'Done' }
  | { readonly kind: 'Refused'; readonly failure: Failure };

export interface AgentServerOptions {
  /** 0 takes a free port. */
  readonly port: number;
  readonly report: ReportState;
  /** Reads the token anew for each request, so that a changed Secret takes effect. */
  readonly readToken: () => Promise<string>;
  /** Absent where there is no guest to control. */
  readonly control?: (request: ControlRequest) => Promise<ControlAnswer>;
  readonly log: Logger;
  /** Milliseconds between two lines of a watch when nothing changes; 15 s unless told. */
  readonly heartbeatMilliseconds?: number;
}

export interface AgentServer {
  readonly port: number;
  /** How many clients are connected. */
  connections(): Promise<number>;
  /** Ends the watches and stops to listen. */
  close(): Promise<void>;
}

/** For probes, the operator's watch and some people; more would only cost memory. */
const MAXIMUM_CONNECTIONS = 64;
/** A watcher that has not taken its last lines for so many heartbeats is let go. */
const STUCK_HEARTBEATS = 4;
/** For a client to say what it wants. */
const REQUEST_MILLISECONDS = 10_000;
const MAXIMUM_BODY_BYTES = 64 * 1024;

/** Serves `/healthz`, `/readyz`, `/metrics`, and with the bearer token `/status` and `/control`. */
export async function startAgentServer(options: AgentServerOptions): Promise<AgentServer> {
  const server = createServer((request, response) => {
    answer(options, request, response).catch((error: unknown) => {
      options.log.error({ path: request.url, error: messageOf(error) }, 'A request to the agent failed');
      if (response.headersSent) {
        response.destroy();
      } else {
        sendText(response, 500, `${messageOf(error)}\n`);
      }
    });
  });
  limitConnections(server, MAXIMUM_CONNECTIONS);
  server.headersTimeout = REQUEST_MILLISECONDS;
  server.requestTimeout = REQUEST_MILLISECONDS;
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port, () => {
      server.off('error', reject);
      // Such as too many open files: the machine goes on, and so does the server.
      server.on('error', (error) => options.log.error({ error: messageOf(error) }, "The agent's server failed"));
      resolve();
    });
  });
  return {
    port: (server.address() as AddressInfo).port,
    connections: () =>
      new Promise((resolve, reject) => {
        server.getConnections((error, count) => (error === null ? resolve(count) : reject(error)));
      }),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function answer(options: AgentServerOptions, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const url = new URL(request.url ?? '/', 'http://agent');
  const report = options.report.current;
  switch (`${request.method} ${url.pathname}`) {
    case 'GET /healthz':
      return sendText(response, 200, 'ok\n');
    case 'GET /readyz':
      return sendText(response, report.ready ? 200 : 503, `${report.reason ?? report.phase}: ${report.message}\n`);
    case 'GET /metrics':
      return sendText(response, 200, metrics(report), 'text/plain; version=0.0.4');
    case 'GET /status':
      return withToken(options, request, response, async () => {
        if (url.searchParams.get('watch') === 'true') {
          watch(options, response);
        } else {
          sendText(response, 200, `${JSON.stringify(report)}\n`, 'application/json');
        }
      });
    case 'POST /control':
      return withToken(options, request, response, () => control(options, request, response));
    default:
      return sendText(response, 404, 'Known: /healthz, /readyz, /metrics, /status and POST /control.\n');
  }
}

async function withToken(
  options: AgentServerOptions,
  request: IncomingMessage,
  response: ServerResponse,
  then: () => Promise<void>,
): Promise<void> {
  const token = (await options.readToken()).trim();
  // Hashes have one length, whatever was sent: the comparison takes the same time for any guess.
  const hash = (text: string) => createHash('sha256').update(text).digest();
  const given = hash(request.headers.authorization ?? '');
  if (token === '' || !timingSafeEqual(given, hash(`Bearer ${token}`))) {
    return sendText(response, 401, 'The bearer token of the Secret <emulator>-agent is needed.\n');
  }
  return then();
}

/** The current report at once, then each change, and the current one again while nothing changes. */
function watch(options: AgentServerOptions, response: ServerResponse): void {
  response.writeHead(200, { 'content-type': 'application/x-ndjson' });
  const send = (report: AgentReport) => {
    // A reader that doesn't read gets the newest report when it goes on, not all of them.
    if (!response.writableNeedDrain) {
      response.write(`${JSON.stringify(report)}\n`);
    }
  };
  send(options.report.current);
  const unsubscribe = options.report.subscribe(send);
  response.on('drain', () => send(options.report.current));
  let stuckHeartbeats = 0;
  const heartbeat = setInterval(() => {
    stuckHeartbeats = response.writableNeedDrain ? stuckHeartbeats + 1 : 0;
    // It doesn't read, or isn't there any more.
    if (stuckHeartbeats > STUCK_HEARTBEATS) response.destroy();
    else send(options.report.current);
  }, options.heartbeatMilliseconds ?? 15_000);
  const end = () => {
    unsubscribe();
    clearInterval(heartbeat);
  };
  // A client that left while its token was looked at has closed already, and never would again.
  if (response.destroyed) end();
  else response.once('close', end);
}

async function control(options: AgentServerOptions, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const body = await readBody(request);
  const parsed = controlRequestSchema.safeParse(body);
  if (!parsed.success) {
    return sendFailure(response, 400, { reason: 'ControlRequestInvalid', message: parsed.error.message });
  }
  if (options.control === undefined) {
    return sendFailure(response, 409, { reason: 'NoGuest', message: 'The guest is not started yet.' });
  }
  const result = await options.control(parsed.data);
  switch (result.kind) {
    case 'Png':
      response.writeHead(200, { 'content-type': 'image/png', 'content-length': result.png.length });
      response.end(result.png);
      return;
    case 'Done':
      response.writeHead(204).end();
      return;
    case 'Refused':
      sendFailure(response, 409, result.failure);
  }
}

/** The parsed JSON body, or undefined when it is too long or not JSON. */
async function readBody(request: IncomingMessage): Promise<unknown> {
  const parts: Buffer[] = [];
  let length = 0;
  for await (const part of request as AsyncIterable<Buffer>) {
    length += part.length;
    if (length > MAXIMUM_BODY_BYTES) {
      return undefined;
    }
    parts.push(part);
  }
  try {
    return JSON.parse(Buffer.concat(parts).toString('utf8'));
  } catch {
    return undefined;
  }
}

/** Prometheus text: whether the machine is ready, and which phase it is in. */
function metrics(report: AgentReport): string {
  const phases = machinePhaseSchema.options.map(
    (phase) => `loco_machine_phase{phase="${phase}"} ${phase === report.phase ? 1 : 0}`,
  );
  return [
    '# HELP loco_machine_ready 1 while the guest runs behind a reachable screen that has come up.',
    '# TYPE loco_machine_ready gauge',
    `loco_machine_ready ${report.ready ? 1 : 0}`,
    '# HELP loco_machine_phase 1 for the phase that the machine is in.',
    '# TYPE loco_machine_phase gauge',
    ...phases,
    '',
  ].join('\n');
}

function sendText(response: ServerResponse, status: number, text: string, type = 'text/plain; charset=utf-8'): void {
  response.writeHead(status, { 'content-type': type }).end(text);
}

function sendFailure(response: ServerResponse, status: number, failure: Failure): void {
  sendText(response, status, `${JSON.stringify(failure)}\n`, 'application/json');
}
