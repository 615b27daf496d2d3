import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { openSimulatedCluster, type SimulatedCluster } from '../../scripts/cluster/simulated/index.ts';
import { writeOperatorProgram } from '../../scripts/images/operator-program.ts';
import { installRights } from '../../scripts/install-rights.ts';
import { Admin, readAccess } from './admin.ts';

/** What a chaos run stands on: a simulated cluster with everything that the operator needs, and its program. */
export interface Ground {
  readonly cluster: SimulatedCluster;
  readonly admin: Admin;
  /** Starts the operator as its image does. */
  readonly command: readonly string[];
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
    const command = await writeOperatorProgram(folder);
    await installRights(cluster);
    const pem = (file: string): Promise<string> => readFile(path.join(cluster.pki, file), 'utf8');
    const admin = new Admin(await readAccess(cluster.kubeconfig));
    const tls = { cert: await pem('apiserver.crt'), key: await pem('apiserver.key') };
    return { cluster, admin, command, tls, ca: await pem('ca.crt'), close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** Makes an empty namespace for a part of the run. */
export async function createNamespace({ admin }: Ground, name: string): Promise<void> {
  const body = { apiVersion: 'v1', kind: 'Namespace', metadata: { name } };
  await admin.insist({ method: 'POST', path: '/api/v1/namespaces', body });
}
