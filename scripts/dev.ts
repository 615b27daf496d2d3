// Runs the operator outside the cluster, from its sources, against the test cluster (or LOCO_KUBECONFIG).
import { join } from 'node:path';
import process from 'node:process';
import { execa } from 'execa';
import { pino } from 'pino';
import { connectByAddress, runOperator } from '../src/operator/process.ts';
import { readSettings } from '../src/operator/settings.ts';
import { ensureTestGuest } from '../test/guest/index.ts';
import { type Cluster, openCluster } from './cluster/index.ts';
import { runCommand, step, UserError } from './console.ts';
import { projectFolder } from './folders.ts';
import { buildImages } from './images/index.ts';
import { connectByPortForward } from './port-forward.ts';

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
