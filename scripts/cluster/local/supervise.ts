import { spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { UserError } from '../../console.ts';
import { CLUSTER_TOOLS, type ClusterTool } from '../../tools.ts';
import { waitFor } from '../wait.ts';
import { answersWith } from './answers.ts';
import type { Component } from './components.ts';
import type { Layout } from './layout.ts';
import { inNode } from './node.ts';
import { listProcesses, type Process, signal } from './processes.ts';

/** Paths of the programs that a local cluster consists of. */
export type Tools = Readonly<Record<ClusterTool, string>>;

/** A node that is there, and the paths of the programs that its components are started with. */
export interface RunningNode<Program extends string = ClusterTool> {
  readonly layout: Layout;
  readonly first: Process;
  readonly tools: Readonly<Record<Program, string>>;
}

/** Programs of components; the node has others of its own: its first process, shims, containers' init. */
const LONG_RUNNING: ReadonlySet<string> = new Set(
  CLUSTER_TOOLS.filter((name) => !['pause', 'ctr', 'runc', 'containerd-shim-runc-v2'].includes(name)),
);

const programOf = (command: readonly string[]) => (command[0] ?? '').split('/').at(-1) ?? '';

function commandOf<P extends string>({ tools }: RunningNode<P>, component: Component<P>): readonly string[] {
  return [tools[component.tool], ...component.args];
}

/** The component's own processes in the node, found by their exact command line. */
export async function findComponent<P extends string>(
  node: RunningNode<P>,
  component: Component<P>,
): Promise<readonly Process[]> {
  const wanted = commandOf(node, component).join('\0');
  const all = await listProcesses();
  return all.filter(({ namespace, command }) => namespace === node.first.namespace && command.join('\0') === wanted);
}

function environmentOf<P extends string>(node: RunningNode<P>): Record<string, string> {
  // containerd finds its shim, and kube-proxy nft, by PATH; a proxy of this machine must not come between them.
  const tools = new Set(Object.values<string>(node.tools).map((path) => dirname(path)));
  const folders = [...tools, '/usr/sbin', '/usr/bin', '/sbin', '/bin'];
  return { PATH: folders.join(':'), HOME: node.layout.root, TMPDIR: join(node.layout.root, 'tmp') };
}

/** Whether the component runs or is just being brought into the node. */
async function isThere<P extends string>(node: RunningNode<P>, component: Component<P>): Promise<boolean> {
  const wanted = commandOf(node, component).join('\0');
  const entering = inNode(node.first, commandOf(node, component)).flat().join('\0');
  return (await listProcesses()).some(({ namespace, command }) => {
    const line = command.join('\0');
    return line === entering || (line === wanted && namespace === node.first.namespace);
  });
}

/** Starts the component unless it runs; true when it had to be started. */
export async function startComponent<P extends string>(
  node: RunningNode<P>,
  component: Component<P>,
): Promise<boolean> {
  if (await isThere(node, component)) return false;
  const log = openSync(join(node.layout.log, `${component.name}.log`), 'a');
  const [program, args] = inNode(node.first, commandOf(node, component));
  const child = spawn(program, args, {
    detached: true,
    stdio: ['ignore', log, log],
    cwd: node.layout.root,
    env: { ...environmentOf(node), ...component.environment },
  });
  closeSync(log);
  child.unref();
  return true;
}

/** Ends what `find` finds, first with this signal, and after ten seconds without asking. */
async function end(what: string, find: () => Promise<readonly Process[]>, first: NodeJS.Signals): Promise<void> {
  for (const { pid } of await find()) signal(pid, first);
  const patience = performance.now() + 10_000;
  const gone = async () => {
    const left = await find();
    if (performance.now() > patience) for (const { pid } of left) signal(pid, 'SIGKILL');
    return left.length === 0 ? true : undefined;
  };
  await waitFor(`${what} to end`, gone, { seconds: 30 });
}

/** Ends the component and waits until it is gone; unless told otherwise it is asked to. */
export async function stopComponent<P extends string>(
  node: RunningNode<P>,
  component: Component<P>,
  first: NodeJS.Signals = 'SIGTERM',
): Promise<void> {
  await end(component.name, () => findComponent(node, component), first);
}

/**
 * Ends every process of the node that runs one of the tools otherwise than these components do: as an older version of
 * this project started it. At once, since an API server that is asked to end waits long for a store that has ended
 * before it; all of them survive it.
 */
export async function stopOutdated(node: RunningNode, components: readonly Component[]): Promise<void> {
  const current = new Set(components.map((component) => commandOf(node, component).join('\0')));
  const outdated = async () => {
    const all = await listProcesses();
    return all.filter(
      ({ namespace, command }) =>
        namespace === node.first.namespace && LONG_RUNNING.has(programOf(command)) && !current.has(command.join('\0')),
    );
  };
  await end('outdated components', outdated, 'SIGKILL');
}

/** Whether the component does its work now. */
export async function isReady<P extends string>(node: RunningNode<P>, component: Component<P>): Promise<boolean> {
  const { readiness } = component;
  if (readiness.kind === 'process') return (await findComponent(node, component)).length > 0;
  return answersWith(readiness.url, readiness.status);
}

/** The last lines that a component wrote. */
function lastWords(layout: Layout, name: string): string {
  const path = join(layout.log, `${name}.log`);
  return `The end of ${path}:\n${readFileSync(path, 'utf8').slice(-1500)}`;
}

/**
 * Waits until the component does its work. One that ends is started again twice: it may have been about to end when it
 * was found running, or have given up too early on another one.
 * @throws UserError with its last words when it goes on ending or takes too long.
 */
export async function waitReady<P extends string>(
  node: RunningNode<P>,
  component: Component<P>,
  seconds = 90,
): Promise<void> {
  let starts = 0;
  const ready = async () => {
    if (await isReady(node, component)) return true;
    if (starts > 3)
      throw new UserError(`${component.name} ends again and again. ${lastWords(node.layout, component.name)}`);
    if (await startComponent(node, component)) starts += 1;
    return undefined;
  };
  await waitFor(component.name, ready, { seconds, why: () => lastWords(node.layout, component.name) });
}
