import { join } from 'node:path';
import { execa } from 'execa';
import { ensureTestGuest } from '../test/guest/index.ts';
import type { Cluster } from './cluster/index.ts';
import { step, UserError } from './console.ts';
import { projectFolder } from './folders.ts';
import { buildImages, type Images } from './images/index.ts';

export const OPERATOR_NAMESPACE = 'loco-system';
const RELEASE = 'loco-operator';

/**
 * Installs or upgrades the operator with its chart and waits until it serves. CRDs are applied first, since Helm
 * installs those of a chart once and never upgrades them.
 * @throws UserError with what Helm said and the operator's last words
 */
async function installOperator(cluster: Cluster, images: Images): Promise<void> {
  step(`Installing the operator with Helm (namespace ${OPERATOR_NAMESPACE})`);
  const chart = join(projectFolder, 'helm/loco-operator');
  const environment = { KUBECONFIG: cluster.kubeconfig };
  await execa(cluster.kubectl, ['apply', '--server-side', '--force-conflicts', '-f', join(projectFolder, 'crds')], {
    env: environment,
  });
  const installed = await execa(
    cluster.helm,
    [
      'upgrade',
      '--install',
      RELEASE,
      chart,
      '--namespace',
      OPERATOR_NAMESPACE,
      '--create-namespace',
      '--set-string',
      `operator.image=${images.operator}`,
      '--set-string',
      `image=${images.qemu}`,
      '--wait',
      '--timeout',
      // Two pods one after the other, on a busy machine, and before an upgrade the Job that brings the CRDs.
      '300s',
    ],
    { env: environment, all: true, reject: false },
  );
  if (installed.exitCode === 0) return;
  const logs = await execa(
    cluster.kubectl,
    ['-n', OPERATOR_NAMESPACE, 'logs', '-l', 'app.kubernetes.io/name=loco-operator', '--tail', '30'],
    { env: environment, all: true, reject: false },
  );
  throw new UserError(
    `Helm could not install the operator:\n${installed.all}\nThe operator's last words:\n${logs.all}`,
  );
}

/**
 * Builds the images (one of them with the test guest inside), loads them into the cluster and installs the operator.
 * @returns the images, and the path of the test guest's disk
 */
export async function installWithTestGuest(cluster: Cluster): Promise<{ images: Images; guestDisk: string }> {
  const guestDisk = await ensureTestGuest();
  const images = await buildImages({ builtin: guestDisk });
  step('Loading the images into the cluster');
  for (const image of Object.values(images)) await cluster.load(image);
  await installOperator(cluster, images);
  return { images, guestDisk };
}
