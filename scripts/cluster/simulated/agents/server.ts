import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { reportOf, stageAfter, stageAt } from './boot.ts';
import type { KnownMachine, Machines } from './machines.ts';

/** As often as the real agent repeats its report. */
const HEARTBEAT_MS = 15_000;
/** How long an asker waits until this program has been told, too, which pod has the address. */
const PATIENCE_MS = 3000;
const LOOK_MS = 50;

async function machineAt(machines: Machines, address: string): Promise<KnownMachine | undefined> {
  const end = performance.now() + PATIENCE_MS;
  while (performance.now() < end) {
    const machine = machines.at(address);
    if (machine !== undefined) return machine;
    await sleep(LOOK_MS);
  }
  return undefined;
}

/** The current report at once, then each change, and the last one again and again. */
function watch(machine: KnownMachine, response: ServerResponse): void {
  response.writeHead(200, { 'content-type': 'application/x-ndjson' });
  const stageNow = () => stageAt(performance.now() - machine.startedAt);
  let stage = stageNow();
  const send = () => response.write(`${JSON.stringify(reportOf(machine, stage))}\n`);
  const advance = () => {
    const next = stageAfter(stage);
    if (next === undefined) return undefined;
    return setTimeout(
      () => {
        stage = stageNow();
        send();
        timer = advance();
      },
      Math.max(1, next.from - (performance.now() - machine.startedAt)),
    );
  };
  send();
  let timer = advance();
  const heartbeat = setInterval(send, HEARTBEAT_MS);
  const end = () => response.destroy();
  machine.onEnd.add(end);
  response.once('close', () => {
    clearTimeout(timer);
    clearInterval(heartbeat);
    machine.onEnd.delete(end);
  });
}

async function answer(machines: Machines, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const url = new URL(request.url ?? '/', 'http://agent');
  if (url.pathname === '/healthz') return void response.end('ok\n');
  if (url.pathname !== '/status') return void response.writeHead(404).end();
  if (!request.headers.authorization?.startsWith('Bearer ')) return void response.writeHead(401).end();
  const machine = await machineAt(machines, request.socket.localAddress ?? '');
  if (machine === undefined) return void response.writeHead(503).end('no pod has this address\n');
  if (url.searchParams.get('watch') === 'true') return watch(machine, response);
  const report = reportOf(machine, stageAt(performance.now() - machine.startedAt));
  response.setHeader('content-type', 'application/json').end(`${JSON.stringify(report)}\n`);
}

/** Answers as the agent of whichever machine has the address that was asked. */
export function serveAgents(machines: Machines, port: number): void {
  const server = createServer((request, response) => {
    answer(machines, request, response).catch((error: unknown) => {
      process.stderr.write(`${String(error)}\n`);
      response.destroy();
    });
  });
  server.listen(port, '0.0.0.0');
}
