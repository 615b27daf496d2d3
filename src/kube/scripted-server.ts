import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { Alarm } from './alarm.ts';
import type { Connection } from './connection.ts';

/** Answers one request of a test's script. */
export type Answer = (request: http.IncomingMessage, response: http.ServerResponse, body: string) => void;

/** A stand-in for the API server that does what a test tells it to. */
export interface ScriptedServer {
  readonly connection: Connection;
  /** `METHOD path?query` of each request, as they came. */
  readonly requests: string[];
  close(): Promise<void>;
}

/** Starts a server whose every request goes to `answer`, on a free port of this machine. */
export async function startScriptedServer(answer: Answer): Promise<ScriptedServer> {
  const requests: string[] = [];
  const server = http.createServer((request, response) => {
    requests.push(`${request.method} ${request.url}`);
    let body = '';
    request.setEncoding('utf8');
    request.on('data', (chunk: string) => {
      body += chunk;
    });
    request.on('end', () => answer(request, response, body));
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const { port } = server.address() as AddressInfo;
  const agent = new http.Agent({ keepAlive: true });
  const headers = {};
  return {
    connection: {
      server: new URL(`http://127.0.0.1:${port}`),
      agent,
      alarm: new Alarm(),
      headers: async () => headers,
    },
    requests,
    close: () =>
      new Promise((resolve) => {
        agent.destroy();
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** Answers with JSON. */
export function sendJson(response: http.ServerResponse, code: number, value: unknown, headers: object = {}): void {
  response.writeHead(code, { 'Content-Type': 'application/json', ...headers }).end(JSON.stringify(value));
}

/** Answers with the API server's own failure object. */
export function sendFailure(response: http.ServerResponse, code: number, reason: string, headers: object = {}): void {
  sendJson(
    response,
    code,
    { kind: 'Status', status: 'Failure', reason, message: `${reason}, says the test`, code },
    headers,
  );
}
