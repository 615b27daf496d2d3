import { existsSync } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { step, UserError, withProgress } from '../../console.ts';
import { ensureTools } from '../../tools.ts';
import type { Cluster, ClusterRegistry } from '../cluster.ts';
import { loadWords, withImageSource } from '../engine.ts';
import { API_PORT } from '../local/components.ts';
import { kindClustersFolder, layoutOf, REGISTRY_HOST } from '../local/layout.ts';
import { registryControl } from '../local/registry.ts';
import { writeIfChanged } from '../local/text-file.ts';
import { machineHasSysResource } from './capabilities.ts';
import { corefile, kindConfiguration, podNetwork } from './configuration.ts';
import { ensureNodeImage } from './node-image.ts';
import { findOwnEngine, type OwnEngine, openOwnEngine, removeOwnEngine } from './own-engine.ts';
import { type KindProgram, kindProgram, mustDocker, runKind } from './program.ts';

const layoutOfKind = (name: string) => layoutOf(kindClustersFolder, name);

/** Where a kind cluster's kubeconfig lies. */
export function kindKubeconfig(name: string): string {
  return layoutOfKind(name).kubeconfig;
}

/** Copies an image of whichever engine has it into the nodes; kind itself skips what is there. */
async function load(program: KindProgram, name: string, image: string): Promise<void> {
  await withImageSource(image, async (source) => {
    await runKind(program, ['load', ...loadWords(source), '--name', name]);
  });
}

/** Waits for what a home-made node lacks when kind has made it: names, and a network for pods. */
async function finishHomeMade(program: KindProgram, name: string, engine: OwnEngine | undefined): Promise<void> {
  const { kubectl } = await ensureTools(['kubectl']);
  const ask = async (args: readonly string[], input?: string) => {
    const options = { reject: false, ...(input === undefined ? {} : { input }) } as const;
    const result = await execa(kubectl, [`--kubeconfig=${kindKubeconfig(name)}`, ...args], options);
    if (result.exitCode !== 0) throw new UserError(`The kind cluster "${name}" isn't right: ${result.stderr}`);
    return result.stdout;
  };
  if (engine !== undefined) {
    const data = { Corefile: corefile({ host: REGISTRY_HOST, address: engine.addresses.node }) };
    const patch = JSON.stringify({ data });
    await ask(['-n', 'kube-system', 'patch', 'configmap', 'coredns', '--type=merge', '-p', patch]);
  }
  // Pods that come up before Services can be reached fail once.
  await ask(['-n', 'kube-system', 'rollout', 'status', 'daemonset/kube-proxy', '--timeout=180s']);
  const node = `${name}-control-plane`;
  const subnet = await ask(['get', 'node', node, '-o=jsonpath={.spec.podCIDR}']);
  const write = ['exec', '-i', node, 'sh', '-c', 'cat >/etc/cni/net.d/10-loco.conflist'];
  await mustDocker(program, write, podNetwork(subnet));
  await ask(['wait', '--for=condition=Ready', 'node', node, '--timeout=120s']);
  const deployments = ['deployment/coredns', '-n', 'kube-system', '--timeout=120s'];
  await ask(['rollout', 'status', ...deployments]);
}

async function create(program: KindProgram, name: string, engine: OwnEngine | undefined): Promise<void> {
  const image = await ensureNodeImage(program);
  const configuration = kindConfiguration({
    ...(engine === undefined ? {} : { apiServer: { address: engine.addresses.node, port: API_PORT } }),
    homeMade: image.homeMade,
    hasSysResource: await machineHasSysResource(),
  });
  const place = ['--name', name, '--kubeconfig', kindKubeconfig(name)];
  // A node without a network isn't Ready yet.
  const details = ['--image', image.name, '--wait', image.homeMade ? '0s' : '120s', '--config', '-'];
  const creating = runKind(program, ['create', 'cluster', ...place, ...details], configuration);
  await withProgress(`Making the kind cluster "${name}"`, creating);
  if (image.homeMade) {
    await withProgress('Giving its pods a network', finishHomeMade(program, name, engine));
  }
}

/** The machine's own engine, or one of ours where that was asked for or is there. */
async function openEngine(name: string, installEngine: boolean): Promise<OwnEngine | undefined> {
  const layout = layoutOfKind(name);
  if (installEngine || existsSync(layout.settings)) return openOwnEngine(layout);
  const answer = await execa('docker', ['info'], { reject: false, timeout: 10_000 });
  if (answer.exitCode === 0) return undefined;
  throw new UserError(
    'kind needs a docker engine, and none answers. Start one, or add --install-engine: the distribution\'s own is then run in a place of its own, without being installed. "--provider local" needs none.',
  );
}

function registryOf(engine: OwnEngine): ClusterRegistry {
  return registryControl(engine.node, engine.addresses, engine.settings);
}

async function asCluster(program: KindProgram, name: string, engine: OwnEngine | undefined): Promise<Cluster> {
  const { kubectl, helm, oras } = await ensureTools(['kubectl', 'helm', 'oras']);
  return {
    provider: 'kind',
    name,
    kubeconfig: kindKubeconfig(name),
    kubectl,
    helm,
    oras,
    ...(engine === undefined ? {} : { registry: registryOf(engine) }),
    load: (image) => withProgress(`Loading ${image} into kind`, load(program, name, image)),
    down: () => removeKindCluster(name),
  };
}

/**
 * A cluster of one node in a docker engine. Beside an engine of ours there is a registry too.
 * @param installEngine run the distribution's docker engine for it, where the machine has none
 */
export async function openKindCluster(name: string, installEngine = false): Promise<Cluster> {
  const engine = await openEngine(name, installEngine);
  const program = await kindProgram(engine?.environment);
  const kubeconfig = kindKubeconfig(name);
  await mkdir(join(kubeconfig, '..'), { recursive: true });
  const known = await runKind(program, ['get', 'clusters']);
  const complete = join(layoutOfKind(name).root, 'complete');
  let isThere = known.split('\n').includes(name);
  if (isThere && engine !== undefined && !existsSync(complete)) {
    step(`Making the kind cluster "${name}" was cut short: it is made anew`);
    await runKind(program, ['delete', 'cluster', '--name', name, '--kubeconfig', kubeconfig]);
    isThere = false;
  }
  if (isThere) {
    await runKind(program, ['export', 'kubeconfig', '--name', name, '--kubeconfig', kubeconfig]);
  } else {
    await create(program, name, engine);
    await writeIfChanged(complete, '');
  }
  return asCluster(program, name, engine);
}

/** The registry beside the kind cluster of this name, or undefined where it has none. */
export async function attachKindRegistry(name: string): Promise<ClusterRegistry | undefined> {
  const engine = await findOwnEngine(layoutOfKind(name));
  return engine === undefined ? undefined : registryOf(engine);
}

/** Removes the kind cluster of this name, if there is one, and the engine that was started for it. */
export async function removeKindCluster(name: string): Promise<void> {
  const layout = layoutOfKind(name);
  if (existsSync(layout.settings)) {
    await removeOwnEngine(layout);
    return;
  }
  const program = await kindProgram();
  await runKind(program, ['delete', 'cluster', '--name', name, '--kubeconfig', layout.kubeconfig]);
  await rm(layout.root, { recursive: true, force: true });
}
