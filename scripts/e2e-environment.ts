import type { Environment } from '../test/e2e/support/environment.ts';
import { ensureBlankDisk } from '../test/guest/index.ts';
import type { Cluster } from './cluster/index.ts';
import { step } from './console.ts';
import { installWithTestGuest, OPERATOR_NAMESPACE } from './install.ts';
import { type Outcome, runVitest, sum, withFailure } from './vitest.ts';

/**
 * Makes everything that the e2e suite needs on a cluster that is up: the test guest, both flavours of the QEMU image,
 * and the operator installed with Helm.
 */
export async function prepareEnvironment(
  cluster: Cluster,
  options: { restartOperator: boolean },
): Promise<Environment> {
  const { images, guestDisk } = await installWithTestGuest(cluster);
  const blankDisk = await ensureBlankDisk();
  return {
    provider: cluster.provider,
    clusterName: cluster.name,
    kubeconfig: cluster.kubeconfig,
    kubectl: cluster.kubectl,
    helm: cluster.helm,
    oras: cluster.oras,
    images,
    guestDisk,
    blankDisk,
    operatorNamespace: OPERATOR_NAMESPACE,
    ...(cluster.registry === undefined ? {} : { registry: cluster.registry }),
    ...(cluster.auditLog === undefined ? {} : { auditLog: cluster.auditLog }),
    startedAt: new Date().toISOString(),
    hasNodeAccess: cluster.node !== undefined,
    restartOperator: options.restartOperator,
  };
}

/**
 * Runs the end-to-end scenarios: those that can side by side, then those that disturb others, then those that look
 * back on the others. The first mostly wait for guests, so more of them than there are cores run at a time.
 * @param filters parts of file names; all files without one
 */
export async function runScenarios(environment: Environment, filters: readonly string[]): Promise<Outcome> {
  const variables = { LOCO_E2E: JSON.stringify(environment) };
  const options = ['--passWithNoTests', ...filters];
  const sideBySide = await runVitest('e2e', ['--maxWorkers=4', ...options], variables);
  const alone = await runVitest('e2e-alone', options, variables);
  const outcome = sum([sideBySide, alone, await runVitest('e2e-last', options, variables)]);
  // The local cluster gives all that a test can need.
  if (environment.provider !== 'local' || outcome.skipped === 0) return outcome;
  const skipped = 'A test was skipped on the local cluster, which has everything: that counts as a failure';
  step(skipped);
  return withFailure(outcome, skipped);
}
