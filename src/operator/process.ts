import net from 'node:net';
import process from 'node:process';
import type { Logger } from 'pino';
import { systemClock } from '../kube/clock.ts';
import { openConnection } from '../kube/connection.ts';
import { OperatorMetrics } from '../kube/metrics.ts';
import type { ConnectToPod } from './emulator/machines/agent-stream.ts';
import { startHealthServer } from './health-server.ts';
import { startOperator } from './operator.ts';
import type { Settings } from './settings.ts';

/** Work in hand gets this long after SIGTERM; kubelet waits 30 s. */
const DRAIN_MS = 20_000;

/** Runs the operator until SIGTERM or SIGINT, or until it lost the Lease. Resolves with the exit code. */
export async function runOperator(settings: Settings, log: Logger, connectToPod: ConnectToPod): Promise<number> {
  const metrics = new OperatorMetrics();
  const connection = await openConnection(systemClock, settings.kubeconfig);
  log.info({ server: connection.server.href, namespaces: settings.namespaces }, 'loco-operator starts');
  const operator = startOperator({ connection, connectToPod, settings, metrics, log });
  const health = await startHealthServer({ port: settings.healthPort, metrics, notReady: operator.notReady });
  const signalled = new Promise<string>((resolve) => {
    process.once('SIGTERM', resolve);
    process.once('SIGINT', resolve);
  });
  const why = await Promise.race([signalled, operator.lost.then(() => 'Lost' as const)]);
  log.info(why === 'Lost' ? 'the lease was lost: another operator acts now' : `${why}: ending the work in hand`);
  const cancel = systemClock.after(DRAIN_MS, () => {
    log.error('work in hand did not end in time');
    process.exit(1);
  });
  // Who lost the lease may not finish anything: the next leader is at it already.
  if (why !== 'Lost') await operator.stop();
  cancel();
  await health.close();
  return why === 'Lost' ? 1 : 0;
}

/** The pod's own address; every pod of a cluster can be reached from every other. */
export const connectByAddress: ConnectToPod = ({ ip }, port) => net.connect({ host: ip, port });
