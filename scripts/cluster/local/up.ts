import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { step, UserError, withProgress } from '../../console.ts';
import { CLUSTER_TOOLS, DEFAULT_KUBERNETES, ensureTools, type KubernetesMinor } from '../../tools.ts';
import { withLock } from '../lock.ts';
import { waitFor } from '../wait.ts';
import { baseObjects } from './base-objects.ts';
import { certificateRequests, createCertificates } from './certificates.ts';
import { allComponents, type Component } from './components.ts';
import { createControlGroup, removeControlGroup } from './control-groups.ts';
import { writeFiles } from './files.ts';
import { kubectl, waitKubelet, waitNodeReady } from './kubectl.ts';
import { type Addresses, addressesOf, type Layout } from './layout.ts';
import { createNode, destroyNode, findNode, isCurrent, waitForCableGone } from './node.ts';
import { ensureNodeImages, waitContainerd } from './node-images.ts';
import { ensureRequirements } from './requirements.ts';
import { chooseSettings, lockName, readSettings, type Settings } from './settings.ts';
import { type RunningNode, startComponent, stopOutdated, type Tools, waitReady } from './supervise.ts';
import { readIfThere, writeIfChanged } from './text-file.ts';

/** A local cluster that is up. */
export interface LocalCluster {
  readonly node: RunningNode;
  readonly addresses: Addresses;
  readonly settings: Settings;
}

/**
 * The Kubernetes that this cluster has, or else is to have.
 * @throws UserError where another one is asked for: what one version has written another may not read
 */
async function versionOf(layout: Layout, asked: KubernetesMinor | undefined): Promise<KubernetesMinor> {
  const known = (await readSettings(layout))?.kubernetes;
  if (known !== undefined && asked !== undefined && known !== asked) {
    throw new UserError(
      `The cluster "${layout.name}" is one of Kubernetes ${known}. Take it down first ("npm run cluster -- down"), or choose another name with LOCO_CLUSTER.`,
    );
  }
  return known ?? asked ?? DEFAULT_KUBERNETES;
}

async function prepareFolder(layout: Layout, kubernetes: KubernetesMinor): Promise<Settings> {
  for (const folder of [layout.log, join(layout.root, 'tmp'), join(layout.root, 'volumes'), layout.configuration]) {
    await mkdir(folder, { recursive: true });
  }
  const known = await readSettings(layout);
  // Which index is free is asked and claimed by one command at a time.
  const settings = known ?? (await withLock('loco-operator-choose-index', () => chooseSettings(layout, kubernetes)));
  const marker = join(layout.pki, 'complete');
  if (!existsSync(marker)) {
    await createCertificates(layout, certificateRequests(layout.name, addressesOf(settings.index)));
    await writeIfChanged(marker, '');
  }
  return settings;
}

/** The node that is there, or a new one; one that has lost its cable or was made by another version is made anew. */
async function ensureNode(layout: Layout, addresses: Addresses, pause: string) {
  const found = await findNode(layout);
  const connected = existsSync(join('/sys/class/net', addresses.interface));
  if (found !== undefined && connected && isCurrent(found)) return found;
  await destroyNode(layout);
  if (found === undefined && connected && !(await cableIsDangling(addresses))) {
    throw new UserError(
      `The network 10.${addresses.interface.slice(4)}.0.0/16 of the cluster "${layout.name}" is used by another cluster now. Run "npm run cluster -- down" and then "up": it gets another one.`,
    );
  }
  step(`Making the node of cluster "${layout.name}"`);
  // The kubelet would look for the containers of groups that a lost node left behind, for ten seconds each.
  await removeControlGroup(layout.controlGroup);
  await createControlGroup(layout.controlGroup);
  return createNode(layout, addresses, pause);
}

/** Whether the interface is only what the kernel hasn't yet taken away of a node that was killed. */
async function cableIsDangling(addresses: Addresses): Promise<boolean> {
  return waitForCableGone(addresses).then(
    () => true,
    () => false,
  );
}

/** Applies what every cluster has from the start, once per content. */
async function ensureBaseObjects(node: RunningNode, addresses: Addresses): Promise<void> {
  const objects = JSON.stringify(baseObjects(node.layout, addresses));
  const hash = createHash('sha256').update(objects).digest('hex');
  const marker = join(node.layout.root, 'applied');
  if ((await readIfThere(marker)) === hash) return;
  let refusal = '';
  const apply = async () => {
    const result = await kubectl(node, ['apply', '--server-side', '--force-conflicts', '-f', '-'], objects);
    refusal = result.stderr;
    return result.exitCode === 0 ? true : undefined;
  };
  // A fresh API server makes the namespaces a moment after it is ready.
  await waitFor('the first objects to be applied', apply, { seconds: 30, why: () => refusal });
  await writeIfChanged(marker, hash);
}

/** Starts what doesn't run, in order, and waits until all of it works; the names of what was started. */
async function startComponents(node: RunningNode, components: readonly Component[], addresses: Addresses) {
  const started: string[] = [];
  const start = async (some: readonly Component[]) => {
    for (const component of some) if (await startComponent(node, component)) started.push(component.name);
  };
  await start(components.filter(({ afterApiServer }) => !afterApiServer));
  const images = async () => {
    await waitContainerd(node);
    await ensureNodeImages(node);
  };
  const rest = async () => {
    await Promise.all(
      components.filter(({ name }) => name === 'kube-apiserver').map((one) => waitReady(node, one, 120)),
    );
    await start(components.filter(({ afterApiServer }) => afterApiServer));
    await ensureBaseObjects(node, addresses);
  };
  await Promise.all([images(), rest()]);
  await Promise.all(components.map((component) => waitReady(node, component)));
  if (started.includes('kubelet')) await waitKubelet(node);
  await waitNodeReady(node);
  return started;
}

/** Brings the cluster up, or mends what has died of it. */
export async function up(layout: Layout, asked?: KubernetesMinor): Promise<LocalCluster> {
  await ensureRequirements();
  const kubernetes = await versionOf(layout, asked);
  const tools: Tools = await ensureTools(CLUSTER_TOOLS, kubernetes);
  return withLock(lockName(layout), async () => {
    const settings = await prepareFolder(layout, kubernetes);
    const addresses = addressesOf(settings.index);
    const changed = await writeFiles(layout, addresses, settings, tools.runc);
    const first = await ensureNode(layout, addresses, tools.pause);
    const node: RunningNode = { layout, first, tools };
    const components = allComponents(layout, addresses);
    await stopOutdated(node, changed ? [] : components);
    const starting = startComponents(node, components, addresses);
    const started = await withProgress(`Bringing up the local cluster "${layout.name}"`, starting);
    step(started.length === 0 ? 'Everything runs already' : `Started ${started.join(', ')}`);
    return { node, addresses, settings };
  });
}
