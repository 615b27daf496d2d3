import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { closeSync, existsSync, openSync } from 'node:fs';
import { mkdir, rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { UserError } from '../../console.ts';
import { waitFor } from '../wait.ts';
import { KUBELET_SYSCTLS } from './kubelet-sysctls.ts';
import { type Addresses, type Layout, NODE_PATHS } from './layout.ts';
import { hasEnded, listProcesses, type Process, signal } from './processes.ts';

/**
 * The node is a set of namespaces (processes, mounts, network, names), held by one small process that is the first of
 * its process namespace. When that one ends, however it ends, the kernel ends every other process of the node, and with
 * the last of them go its mounts, its interfaces with this machine's end of the cable, its rules and its connections.
 * So nothing has to be remembered to take a node down; it is found by the words in the first process's command line.
 */
const MARKER = 'loco-operator-node';

/** Where every CNI client keeps its results; it can't be set. */
const CNI_CACHE = '/var/lib/cni';

/** Runs as the node's first process before it becomes the one that only waits. Arguments: pause, marker, state folder, version. */
function firstSteps(): string {
  // The node sees them as its kubelet wants them, and this machine keeps its own.
  const sysctls = Object.entries(KUBELET_SYSCTLS).map(([name, value]) => {
    const [seen, stand] = [`/proc/sys/${name}`, `/run/sysctl/${name}`];
    return `if test -e ${seen}; then mkdir -p ${stand}; echo ${value} >${stand}/value; mount --bind ${stand}/value ${seen}; fi`;
  });
  return [
    'set -e',
    // What programs leave in fixed places stays in the node and is gone with it.
    'mount -t tmpfs tmpfs /run',
    'mount -t tmpfs tmpfs /var/log',
    `mount -t tmpfs tmpfs ${CNI_CACHE}`,
    ...sysctls,
    // Paths of sockets may have 108 characters, and a state folder may be deep.
    `mkdir ${NODE_PATHS.kubelet}`,
    `mount --bind "$2/kubelet" ${NODE_PATHS.kubelet}`,
    'mount --make-rshared /',
    'ip link set lo up',
    'exec "$0" "$@"',
  ].join('\n');
}

/** Tells a node that was made by other first steps than these. */
function nodeVersion(): string {
  return createHash('sha256').update(firstSteps()).digest('hex').slice(0, 8);
}

/** Whether a process holds the node of this state folder, or one of any when none is given. */
function holdsNode({ command }: Process, root?: string): boolean {
  const at = command.lastIndexOf(MARKER);
  return at > 0 && (root === undefined || command[at + 1] === root);
}

/** The processes that hold the node: its first one and the `unshare` that waits for it outside. */
async function nodeProcesses(root?: string): Promise<readonly Process[]> {
  return (await listProcesses()).filter((process) => holdsNode(process, root));
}

/** The node's first process, or undefined when there is no node. */
export async function findNode(layout: Layout): Promise<Process | undefined> {
  const holders = await nodeProcesses(layout.root);
  return holders.find(({ command, numbers }) => command[1] === MARKER && numbers.at(-1) === 1);
}

/** Whether the node was made by the first steps of this version. */
export function isCurrent(first: Process): boolean {
  return first.command.at(-1) === nodeVersion();
}

async function ip(...args: string[]): Promise<void> {
  await execa('ip', args);
}

/** Lays the cable between this machine and the node. The interface's name claims the index: only one can have it. */
async function connect(first: Process, addresses: Addresses): Promise<void> {
  const { host, node, linkPrefix, interface: cable } = addresses;
  const veth = ['link', 'add', cable, 'type', 'veth', 'peer', 'name', 'node0', 'netns', String(first.pid)];
  const added = await execa('ip', veth, { reject: false });
  if (added.exitCode !== 0) {
    throw new UserError(
      `The network interface ${cable} can't be made: ${added.stderr}. Take the cluster down and up again.`,
    );
  }
  const inside = [`--net=${join('/proc', String(first.pid), 'ns', 'net')}`, 'ip'];
  await execa('nsenter', [...inside, 'addr', 'add', `${node}/${linkPrefix}`, 'dev', 'node0']);
  await execa('nsenter', [...inside, 'link', 'set', 'node0', 'up']);
  await execa('nsenter', [...inside, 'route', 'add', 'default', 'via', host]);
  await ip('addr', 'add', `${host}/${linkPrefix}`, 'dev', cable);
  await ip('link', 'set', cable, 'up');
  await ip('route', 'add', addresses.podSubnet, 'via', node);
  await ip('route', 'add', addresses.serviceSubnet, 'via', node);
}

/** Makes the node's namespaces. */
export async function createNode(layout: Layout, addresses: Addresses, pause: string): Promise<Process> {
  await mkdir(join(layout.root, 'kubelet'), { recursive: true });
  // Where the machine has no such folder, there must be one to mount upon.
  await mkdir(CNI_CACHE, { recursive: true });
  const log = openSync(join(layout.log, 'node.log'), 'a');
  const namespaces = ['--fork', '--pid', '--mount-proc', '--net', '--uts', '--ipc', '--propagation', 'private'];
  const child = spawn('unshare', [...namespaces, 'sh', '-c', firstSteps(), pause, MARKER, layout.root, nodeVersion()], {
    detached: true,
    stdio: ['ignore', log, log],
    cwd: '/',
  });
  closeSync(log);
  let exited = false;
  child.once('exit', () => {
    exited = true;
  });
  child.unref();
  const first = await waitFor(
    "the node's first process",
    async () => {
      if (exited) throw new UserError(`The node's namespaces can't be made: see ${join(layout.log, 'node.log')}`);
      return findNode(layout);
    },
    { seconds: 10, why: () => `See ${join(layout.log, 'node.log')}` },
  );
  await connect(first, addresses);
  return first;
}

/** The command line that runs a program inside the node. */
export function inNode(first: Process, command: readonly string[]): readonly [string, string[]] {
  return ['nsenter', ['--target', String(first.pid), '--pid', '--mount', '--net', '--uts', '--ipc', '--', ...command]];
}

/** Ends the processes and waits until they are gone, which the first one of a namespace is after all others of it. */
async function end(processes: readonly Process[]): Promise<void> {
  for (const { pid } of processes) signal(pid, 'SIGKILL');
  const gone = async () => {
    const answers = await Promise.all(processes.map(({ pid }) => hasEnded(pid)));
    return answers.includes(false) ? undefined : true;
  };
  await waitFor("the node's processes to end", gone, { seconds: 60 });
}

/** Ends every process of the node and waits until the kernel has taken away what was theirs. */
export async function destroyNode(layout: Layout): Promise<void> {
  const holders = await nodeProcesses(layout.root);
  const isInside = ({ numbers }: Process) => numbers.length > 1;
  await end(holders.filter(isInside));
  await end(holders.filter((holder) => !isInside(holder)));
}

/** Waits until this machine's end of the cable is gone, which the kernel removes a little after the node. */
export async function waitForCableGone(addresses: Addresses): Promise<void> {
  const gone = async () => (existsSync(join('/sys/class/net', addresses.interface)) ? undefined : true);
  await waitFor(`the network interface ${addresses.interface} to go`, gone, { seconds: 30 });
}

/** Removes the folder that was made to be mounted upon, unless somebody uses it. */
export async function removeMountPoints(): Promise<void> {
  // Removing a folder takes away what other namespaces have mounted there.
  if ((await nodeProcesses()).length > 0) return;
  await rmdir(CNI_CACHE).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT' && error.code !== 'ENOTEMPTY' && error.code !== 'EBUSY') throw error;
  });
}
