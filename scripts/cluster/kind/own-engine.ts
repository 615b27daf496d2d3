import { existsSync } from 'node:fs';
import { chmod, mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { withProgress } from '../../console.ts';
import { ensureTools } from '../../tools.ts';
import { certificateRequests, createCertificates } from '../local/certificates.ts';
import { type Component, registryComponents } from '../local/components.ts';
import { createControlGroup, removeControlGroup } from '../local/control-groups.ts';
import { down } from '../local/down.ts';
import { writeRegistryFiles } from '../local/files.ts';
import { type Addresses, addressesOf, type Layout } from '../local/layout.ts';
import { createNode, destroyNode, findNode } from '../local/node.ts';
import type { Process } from '../local/processes.ts';
import { ensureRequirements } from '../local/requirements.ts';
import { chooseSettings, lockName, readSettings, type Settings } from '../local/settings.ts';
import { type RunningNode, startComponent } from '../local/supervise.ts';
import { withLock } from '../lock.ts';
import { waitFor } from '../wait.ts';
import { machineHasSysResource, runtimeWithoutSysResource } from './capabilities.ts';
import { type EnginePrograms, ensureEnginePackages } from './engine-packages.ts';
import { rememberKernelSettings, restoreKernelSettings } from './kernel-settings.ts';

/** Where the engine listens inside its own namespaces. */
const SOCKET = '/run/docker.sock';

type Program = 'dockerd' | 'docker' | 'registry';

/** A docker engine in namespaces of its own, with a registry beside it. */
export interface OwnEngine {
  readonly node: RunningNode<Program>;
  readonly addresses: Addresses;
  readonly settings: Settings;
  /** What a program needs in its environment to speak to it. */
  readonly environment: Readonly<Record<string, string>>;
}

const kernelSettings = (layout: Layout) => join(layout.root, 'kernel-settings.json');

/** What the engine is, as a process. */
function engineComponent(layout: Layout, programs: EnginePrograms): Component<Program> {
  return {
    name: 'dockerd',
    purpose: 'runs the nodes of kind',
    tool: 'dockerd',
    args: [
      `--config-file=${join(layout.configuration, 'daemon.json')}`,
      `--data-root=${join(layout.root, 'docker')}`,
      '--exec-root=/run/docker',
      '--pidfile=/run/docker.pid',
      `--host=unix://${SOCKET}`,
      // The group is one by its path, whatever the machine's systemd would like.
      '--exec-opt=native.cgroupdriver=cgroupfs',
      `--cgroup-parent=/${layout.controlGroup}`,
    ],
    readiness: { kind: 'process' },
    afterApiServer: false,
    environment: { LD_LIBRARY_PATH: programs.libraries },
  };
}

async function writeConfiguration(layout: Layout, programs: EnginePrograms): Promise<void> {
  let runtime = programs.runc;
  if (!(await machineHasSysResource())) {
    runtime = join(layout.configuration, 'runc-without-sys-resource');
    await writeFile(runtime, runtimeWithoutSysResource(programs.runc));
    await chmod(runtime, 0o755);
  }
  const daemon = {
    runtimes: { loco: { path: runtime } },
    'default-runtime': 'loco',
    // Else it lies in /etc.
    'deprecated-key-path': join(layout.configuration, 'docker-key.json'),
  };
  await writeFile(join(layout.configuration, 'daemon.json'), JSON.stringify(daemon));
}

async function prepareFolder(layout: Layout): Promise<Settings> {
  for (const folder of [layout.log, join(layout.root, 'tmp'), layout.configuration]) {
    await mkdir(folder, { recursive: true });
  }
  const settings =
    (await readSettings(layout)) ?? (await withLock('loco-operator-choose-index', () => chooseSettings(layout)));
  const addresses = addressesOf(settings.index);
  if (!existsSync(join(layout.pki, 'registry.crt'))) {
    const requests = certificateRequests(layout.name, addresses).filter(({ name }) => name === 'registry');
    await createCertificates(layout, requests);
  }
  await writeRegistryFiles(layout, addresses, settings);
  return settings;
}

function environmentOf(first: Process, programs: EnginePrograms): Readonly<Record<string, string>> {
  return {
    // A socket is found by its file, whatever network its listener is on.
    DOCKER_HOST: `unix:///proc/${first.pid}/root${SOCKET}`,
    PATH: `${join(programs.docker, '..')}:${process.env.PATH}`,
  };
}

function asEngine(node: RunningNode<Program>, settings: Settings, programs: EnginePrograms): OwnEngine {
  return { node, addresses: addressesOf(settings.index), settings, environment: environmentOf(node.first, programs) };
}

async function programsOf(): Promise<{ programs: EnginePrograms; tools: Record<Program, string> }> {
  const programs = await ensureEnginePackages();
  const { registry } = await ensureTools(['registry']);
  return { programs, tools: { dockerd: programs.dockerd, docker: programs.docker, registry } };
}

/** The engine of this layout as it is, or undefined where it isn't up. */
export async function findOwnEngine(layout: Layout): Promise<OwnEngine | undefined> {
  const settings = await readSettings(layout);
  const first = await findNode(layout);
  if (settings === undefined || first === undefined) return undefined;
  const { programs, tools } = await programsOf();
  return asEngine({ layout, first, tools }, settings, programs);
}

async function waitEngine(engine: OwnEngine): Promise<void> {
  const answers = async () => {
    const info = await execa('docker', ['info'], { env: engine.environment, reject: false });
    return info.exitCode === 0 ? true : undefined;
  };
  const log = join(engine.node.layout.log, 'dockerd.log');
  await waitFor('the docker engine', answers, { seconds: 90, why: () => `See ${log}` });
}

async function start(layout: Layout): Promise<OwnEngine> {
  await ensureRequirements();
  const { programs, tools } = await programsOf();
  const { pause } = await ensureTools(['pause']);
  const settings = await prepareFolder(layout);
  const addresses = addressesOf(settings.index);
  let first = await findNode(layout);
  if (first === undefined) {
    await destroyNode(layout);
    // An engine that was cut off knows of containers that are no more.
    await rm(join(layout.root, 'docker'), { recursive: true, force: true });
    await writeConfiguration(layout, programs);
    await rememberKernelSettings(kernelSettings(layout));
    await removeControlGroup(layout.controlGroup);
    await createControlGroup(layout.controlGroup);
    first = await createNode(layout, addresses, pause);
  }
  const node: RunningNode<Program> = { layout, first, tools };
  const engine = asEngine(node, settings, programs);
  let started = false;
  for (const component of [engineComponent(layout, programs), ...registryComponents(layout, addresses)]) {
    started = (await startComponent(node, component)) || started;
  }
  if (started) await withProgress("Starting a docker engine from the distribution's packages", waitEngine(engine));
  return engine;
}

/** Starts the distribution's docker engine in namespaces of its own, or what has died of it. */
export async function openOwnEngine(layout: Layout): Promise<OwnEngine> {
  return withLock(lockName(layout), () => start(layout));
}

/** Ends the engine with all that runs in it, and takes away its images, volumes and networks. */
export async function removeOwnEngine(layout: Layout): Promise<void> {
  // When nothing runs any more that would change the settings, and before the file is gone that they lie in.
  await withLock(lockName(layout), async () => {
    await destroyNode(layout);
    await restoreKernelSettings(kernelSettings(layout));
  });
  await down(layout);
}
