import { randomUUID } from 'node:crypto';
import net from 'node:net';
import process from 'node:process';
import type { Logger } from 'pino';
import { systemClock } from '../kube/clock.ts';
import { openConnection } from '../kube/connection.ts';
import { OperatorMetrics } from '../kube/metrics.ts';
import { openTracer } from '../kube/tracing.ts';
import type { ConnectToPod } from './emulator/machines/agent-stream.ts';
import { startHealthServer } from './health-server.ts';
import { identityOf } from './identity.ts';
import { type Operator, startOperator } from './operator.ts';
import type { Settings } from './settings.ts';
import { VERSION } from './version.ts';

/** Work in hand gets this long after SIGTERM; kubelet waits 30 s. */
const DRAIN_MS = 20_000;

/** Runs the operator until SIGTERM or SIGINT. Resolves with the exit code. */
export async function runOperator(settings: Settings, log: Logger, connectToPod: ConnectToPod): Promise<number> {
  const signalled = nextSignal();
  const metrics = new OperatorMetrics();
  let operator: Operator | undefined;
  const notReady = (): string | undefined => (operator === undefined ? 'starting' : operator.notReady());
  // Before anything else: that we have the port is what tells us apart from a process of this pod that still lives.
  const health = await startHealthServer({ port: settings.healthPort, metrics, notReady });
  const identity = identityOf(settings, randomUUID());
  const connection = await openConnection(systemClock, settings.kubeconfig);
  const onProblem = (message: string): void => log.warn(`traces: ${message}`);
  const service = { name: 'loco-operator', version: VERSION, instance: identity.holder, onProblem };
  const tracer = await openTracer(process.env, service);
  const { namespaces } = settings;
  log.info({ version: VERSION, identity: identity.holder, server: connection.server.href, namespaces }, 'starting');
  operator = startOperator({ connection, connectToPod, settings, identity, metrics, tracer, log });
  log.info(`${await signalled}: ending the work in hand`);
  const cancel = systemClock.after(DRAIN_MS, () => {
    log.error('work in hand did not end in time');
    process.exit(1);
  });
  await operator.stop();
  cancel();
  await health.close();
  return 0;
}

function nextSignal(): Promise<string> {
  return new Promise((resolve) => {
    process.once('SIGTERM', resolve);
    process.once('SIGINT', resolve);
  });
}

/** The pod's own address; every pod of a cluster can be reached from every other. */
export const connectByAddress: ConnectToPod = ({ ip }, port) => net.connect({ host: ip, port });
