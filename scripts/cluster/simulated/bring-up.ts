import { mkdir, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { withProgress } from '../../console.ts';
import { ensureTools } from '../../tools.ts';
import {
  apiServerRequest,
  type CertificateRequest,
  clientRequest,
  createCertificates,
  kubeletRequest,
} from '../local/certificates.ts';
import { writeKubeconfigs } from '../local/files.ts';
import { kubectl } from '../local/kubectl.ts';
import { type Addresses, addressesOf, type Layout } from '../local/layout.ts';
import { createNode, inNode } from '../local/node.ts';
import { ensureRequirements } from '../local/requirements.ts';
import { chooseSettings, lockName } from '../local/settings.ts';
import { type RunningNode, startComponent, waitReady } from '../local/supervise.ts';
import { writeIfChanged } from '../local/text-file.ts';
import { withLock } from '../lock.ts';
import { waitFor } from '../wait.ts';
import { componentsOf, type Program, type SimulatedComponent } from './components.ts';
import { auditPolicy, kwokConfiguration } from './configurations.ts';
import { firstObjects } from './objects.ts';

export interface SimulatedOptions {
  /** `api`: etcd and the API server alone. */
  readonly parts?: 'all' | 'api';
  readonly nodes?: number;
  readonly podsPerNode?: number;
  /** Names of programs that an exec into any simulated pod finds; they do nothing, successfully. */
  readonly programsInPods?: readonly string[];
}

/** A simulated cluster that is up. */
export interface Running {
  readonly node: RunningNode<Program>;
  readonly addresses: Addresses;
  readonly components: readonly SimulatedComponent[];
}

/** Who speaks to the API server as whom. */
const CLIENTS: Readonly<Record<string, string>> = {
  admin: '/O=system:masters/CN=kubernetes-admin',
  'kube-controller-manager': '/CN=system:kube-controller-manager',
  'kube-scheduler': '/CN=system:kube-scheduler',
  kwok: '/O=system:masters/CN=kwok',
  agents: '/O=system:masters/CN=simulated-agents',
};

function certificates(layout: Layout, addresses: Addresses): readonly CertificateRequest[] {
  const clients = Object.entries(CLIENTS).map(([name, subject]) => clientRequest(name, subject));
  return [...clients, apiServerRequest(addresses), kubeletRequest(layout.name, addresses)];
}

async function writeFolder(layout: Layout, addresses: Addresses, programsInPods: readonly string[]): Promise<void> {
  const programs = join(layout.root, 'programs-in-pods');
  await mkdir(programs);
  for (const name of programsInPods) await symlink('/bin/true', join(programs, name));
  await createCertificates(layout, certificates(layout, addresses));
  await writeKubeconfigs(layout, addresses, Object.keys(CLIENTS));
  await writeIfChanged(join(layout.configuration, 'audit-policy.yaml'), auditPolicy);
  await writeIfChanged(join(layout.configuration, 'resolv.conf'), '');
  await writeIfChanged(join(layout.configuration, 'kwok.yaml'), kwokConfiguration(programs));
}

/** Lets every address of a pod lead to whoever listens in the cluster's own network. */
async function routePods(node: RunningNode<Program>, addresses: Addresses): Promise<void> {
  await execa(...inNode(node.first, ['ip', 'route', 'add', 'local', addresses.podSubnet, 'dev', 'lo']));
}

async function createFirstObjects(node: RunningNode<Program>, options: SimulatedOptions): Promise<void> {
  const objects = JSON.stringify(firstObjects(options.nodes ?? 4, options.podsPerNode ?? 4000));
  let refusal = '';
  const create = async () => {
    const result = await kubectl(node, ['apply', '--server-side', '-f', '-'], objects);
    refusal = result.stderr;
    return result.exitCode === 0 ? true : undefined;
  };
  await waitFor('the first objects to be made', create, { seconds: 30, why: () => refusal });
}

/** Pods can be made in the default namespace when all nodes are Ready and it has its service account. */
async function waitUsable(node: RunningNode<Program>): Promise<void> {
  const usable = async () => {
    const account = await kubectl(node, ['get', 'serviceaccount', 'default']);
    const ready = '-o=jsonpath={.items[*].spec.taints}';
    const taints = await kubectl(node, ['get', 'nodes', ready]);
    return account.exitCode === 0 && taints.exitCode === 0 && taints.stdout === '' ? true : undefined;
  };
  await waitFor('the simulated nodes to be Ready', usable, { seconds: 60, why: () => `See ${node.layout.log}` });
}

/** Kubernetes makes them a moment after its API server says that it is ready. */
async function waitNamespaces(node: RunningNode<Program>): Promise<void> {
  const made = async () =>
    (await kubectl(node, ['get', 'namespaces', 'default', 'kube-public'])).exitCode === 0 ? true : undefined;
  await waitFor('the first namespaces', made, { seconds: 30, why: () => `See ${node.layout.log}` });
}

async function startAll({ node, components }: Running): Promise<void> {
  const [now, later] = [false, true].map((after) => components.filter((one) => one.afterApiServer === after));
  for (const component of now ?? []) await startComponent(node, component);
  await Promise.all((now ?? []).map((component) => waitReady(node, component)));
  for (const component of later ?? []) await startComponent(node, component);
  await Promise.all((later ?? []).map((component) => waitReady(node, component)));
}

async function build(layout: Layout, options: SimulatedOptions): Promise<Running> {
  const parts = options.parts ?? 'all';
  const api: readonly Exclude<Program, 'node'>[] = ['etcd', 'kube-apiserver', 'kubectl', 'pause'];
  const rest: typeof api = ['kube-controller-manager', 'kube-scheduler', 'kwok'];
  const tools = { ...(await ensureTools(parts === 'api' ? api : [...api, ...rest])), node: process.execPath };
  for (const folder of [layout.log, join(layout.root, 'tmp'), layout.configuration]) {
    await mkdir(folder, { recursive: true });
  }
  const settings = await withLock('loco-operator-choose-index', () => chooseSettings(layout));
  const addresses = addressesOf(settings.index);
  await writeFolder(layout, addresses, options.programsInPods ?? []);
  const first = await createNode(layout, addresses, tools.pause);
  const node: RunningNode<Program> = { layout, first, tools };
  await routePods(node, addresses);
  const running = { node, addresses, components: componentsOf(parts, layout, addresses) };
  await startAll(running);
  if (parts === 'all') {
    await createFirstObjects(node, options);
    await waitUsable(node);
  } else await waitNamespaces(node);
  return running;
}

/** Brings up a cluster of this layout, of which nothing must be there. */
export async function bringUp(layout: Layout, options: SimulatedOptions): Promise<Running> {
  await ensureRequirements();
  const building = withLock(lockName(layout), () => build(layout, options));
  return withProgress(`Bringing up the simulated cluster "${layout.name}"`, building);
}
