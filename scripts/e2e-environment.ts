import type { Environment } from '../test/e2e/support/environment.ts';
import { ensureBlankDisk } from '../test/guest/index.ts';
import type { Cluster } from './cluster/index.ts';
import { installWithTestGuest, OPERATOR_NAMESPACE } from './install.ts';

/** The scenarios mostly wait for guests, so more of them than there are cores run at a time. */
export const E2E_WORKERS = ['--maxWorkers=4'] as const;

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
    hasNodeAccess: cluster.node !== undefined,
    restartOperator: options.restartOperator,
  };
}
