import { join } from 'node:path';
import { execa } from 'execa';
import { parseAllDocuments } from 'yaml';
import { projectFolder } from './folders.ts';
import { OPERATOR_NAMESPACE } from './install.ts';
import { ensureTools } from './tools.ts';

/** Name of the chart's service account, and of its other objects. */
export const OPERATOR_ACCOUNT = 'loco-operator';

/**
 * Makes the CRD and, in {@link OPERATOR_NAMESPACE}, what of the chart says what the operator may do; for runs that
 * start the operator themselves and not from its Deployment.
 */
export async function installRights(cluster: { readonly kubectl: string; readonly kubeconfig: string }): Promise<void> {
  const { helm } = await ensureTools(['helm']);
  const chart = join(projectFolder, 'helm/loco-operator');
  const rendered = await execa(helm, ['template', OPERATOR_ACCOUNT, chart, '-n', OPERATOR_NAMESPACE, '--no-hooks']);
  const rights = parseAllDocuments(rendered.stdout)
    .map((document): unknown => document.toJS())
    .filter((object) => /Role|ServiceAccount/.test((object as { kind?: string } | null)?.kind ?? ''));
  const namespace = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: OPERATOR_NAMESPACE } };
  const list = { apiVersion: 'v1', kind: 'List', items: [namespace, ...rights] };
  const kubeconfig = `--kubeconfig=${cluster.kubeconfig}`;
  const apply = [kubeconfig, 'apply', '--server-side', '-f'];
  await execa(cluster.kubectl, [...apply, join(projectFolder, 'crds')]);
  await execa(cluster.kubectl, [...apply, '-'], { input: JSON.stringify(list) });
  const established = ['wait', '--for=condition=Established', 'crd/emulators.loco.mroie.github.io', '--timeout=30s'];
  await execa(cluster.kubectl, [kubeconfig, ...established]);
}
