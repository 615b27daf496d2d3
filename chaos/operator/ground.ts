import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { execa } from 'execa';
import { parseAllDocuments } from 'yaml';
import { openSimulatedCluster, type SimulatedCluster } from '../../scripts/cluster/simulated/index.ts';
import { projectFolder } from '../../scripts/folders.ts';
import { bundleProgram } from '../../scripts/images/bundle.ts';
import { ensureTools } from '../../scripts/tools.ts';
import { Admin, readAccess } from './admin.ts';

/** Where the operators run, as the chart installs them. */
export const OPERATOR_NAMESPACE = 'loco-system';
const RELEASE = 'loco-operator';

/** What a chaos run stands on: a simulated cluster with everything that the operator needs, and its program. */
export interface Ground {
  readonly cluster: SimulatedCluster;
  readonly admin: Admin;
  /** The operator's program, as it is in its image. */
  readonly program: string;
  /** The proxy's, which is the API server's own: good for this machine's address as well. */
  readonly tls: { readonly cert: string; readonly key: string };
  readonly ca: string;
  close(): Promise<void>;
}

/** Brings up a cluster of this name, with the CRD and the rights of the chart. */
export async function openGround(name: string): Promise<Ground> {
  const cluster = await openSimulatedCluster(name);
  const folder = await mkdtemp(path.join(tmpdir(), 'loco-chaos-'));
  const close = async (): Promise<void> => {
    await cluster.down();
    await rm(folder, { recursive: true, force: true });
  };
  try {
    const program = path.join(folder, 'operator.mjs');
    await writeFile(program, await bundleProgram('src/operator/main.ts'));
    await install(cluster);
    const pem = (file: string): Promise<string> => readFile(path.join(cluster.pki, file), 'utf8');
    const admin = new Admin(await readAccess(cluster.kubeconfig));
    const tls = { cert: await pem('apiserver.crt'), key: await pem('apiserver.key') };
    return { cluster, admin, program, tls, ca: await pem('ca.crt'), close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** The CRD, and what of the chart says what the operator may do; its Deployment is the run's own business. */
async function install(cluster: SimulatedCluster): Promise<void> {
  const chart = path.join(projectFolder, 'helm/loco-operator');
  const { helm } = await ensureTools(['helm']);
  const rendered = await execa(helm, ['template', RELEASE, chart, '--namespace', OPERATOR_NAMESPACE]);
  const rights = parseAllDocuments(rendered.stdout)
    .map((document): unknown => document.toJS())
    .filter((object) => /Role|ServiceAccount/.test((object as { kind?: string } | null)?.kind ?? ''));
  const namespace = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: OPERATOR_NAMESPACE } };
  const list = { apiVersion: 'v1', kind: 'List', items: [namespace, ...rights] };
  const apply = ['apply', '--server-side', `--kubeconfig=${cluster.kubeconfig}`, '-f'];
  await execa(cluster.kubectl, [...apply, path.join(projectFolder, 'crds')]);
  await execa(cluster.kubectl, [...apply, '-'], { input: JSON.stringify(list) });
  const established = ['wait', '--for=condition=Established', 'crd/emulators.loco.mroie.github.io', '--timeout=30s'];
  await execa(cluster.kubectl, [...established, `--kubeconfig=${cluster.kubeconfig}`]);
}

/** Makes an empty namespace for a part of the run. */
export async function createNamespace({ admin }: Ground, name: string): Promise<void> {
  const body = { apiVersion: 'v1', kind: 'Namespace', metadata: { name } };
  await admin.insist({ method: 'POST', path: '/api/v1/namespaces', body });
}
