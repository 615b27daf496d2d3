// Runs the operator outside the cluster, from its sources, against the test cluster (or LOCO_KUBECONFIG).
import net from 'node:net';
import { join } from 'node:path';
import process from 'node:process';
import { execa } from 'execa';
import { pino } from 'pino';
import type { ConnectToPod } from '../src/operator/emulator/machines/agent-stream.ts';
import { connectByAddress, runOperator } from '../src/operator/process.ts';
import { readSettings } from '../src/operator/settings.ts';
import { ensureTestGuest } from '../test/guest/index.ts';
import { type Cluster, openCluster } from './cluster/index.ts';
import { runCommand, step, UserError } from './console.ts';
import { projectFolder } from './folders.ts';
import { buildImages } from './images/index.ts';

/** Two operators would fight over the same objects. */
async function refuseSecondOperator(cluster: Cluster): Promise<void> {
  const selector = 'app.kubernetes.io/name=loco-operator';
  const output = '{range .items[?(@.spec.replicas>0)]}{.metadata.namespace} {.metadata.name}{"\\n"}{end}';
  const args = ['get', 'deployments', '-A', '-l', selector, '-o', `jsonpath=${output}`];
  const { stdout } = await execa(cluster.kubectl, args, { env: { KUBECONFIG: cluster.kubeconfig } });
  const [namespace, name] = stdout.trim().split('\n')[0]?.split(' ') ?? [];
  if (namespace === undefined || name === undefined) return;
  throw new UserError(
    `The operator runs in the cluster already. Stop it first:\n` +
      `  KUBECONFIG=${cluster.kubeconfig} ${cluster.kubectl} -n ${namespace} scale deployment ${name} --replicas=0`,
  );
}

/** Reaches pods by `kubectl port-forward`, where their addresses aren't routed to this machine. */
function connectByPortForward(cluster: Cluster): ConnectToPod {
  return async ({ namespace, pod }, port) => {
    const args = ['port-forward', '-n', namespace, `pod/${pod}`, `:${port}`];
    const forward = execa(cluster.kubectl, args, { env: { KUBECONFIG: cluster.kubeconfig }, reject: false });
    for await (const line of forward) {
      const local = /^Forwarding from 127\.0\.0\.1:([0-9]+)/.exec(line)?.[1];
      if (local === undefined) continue;
      const socket = net.connect({ host: '127.0.0.1', port: Number(local) });
      socket.once('close', () => forward.kill());
      return socket;
    }
    throw new Error(`kubectl port-forward to ${pod} ended: ${(await forward).stderr}`);
  };
}

await runCommand(async () => {
  const cluster = await openCluster();
  await refuseSecondOperator(cluster);
  const images = await buildImages({ builtin: await ensureTestGuest() });
  step('Loading the machines’ image into the cluster');
  await cluster.load(images.qemuBuiltin);
  const crds = ['apply', '--server-side', '--force-conflicts', '-f', join(projectFolder, 'crds')];
  await execa(cluster.kubectl, crds, { env: { KUBECONFIG: cluster.kubeconfig } });
  const settings = readSettings(
    {
      LOCO_LOG_LEVEL: process.env['LOCO_LOG_LEVEL'],
      LOCO_NAMESPACES: process.env['LOCO_NAMESPACES'],
      LOCO_DEFAULT_IMAGE: images.qemuBuiltin,
      LOCO_ORAS: cluster.oras,
      KUBECONFIG: cluster.kubeconfig,
    },
    'npm-run-dev',
  );
  step(`The operator runs here until Ctrl-C. Look at it with: export KUBECONFIG=${cluster.kubeconfig}`);
  const log = pino({ level: settings.logLevel, base: null, timestamp: pino.stdTimeFunctions.isoTime });
  const connect = cluster.provider === 'local' ? connectByAddress : connectByPortForward(cluster);
  process.exit(await runOperator(settings, log, connect));
});
