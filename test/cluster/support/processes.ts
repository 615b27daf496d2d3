import { readFile } from 'node:fs/promises';
import { findNode } from '../../../scripts/cluster/local/node.ts';
import { listProcesses, type Process, signal } from '../../../scripts/cluster/local/processes.ts';
import type { TestCluster } from './cli.ts';

async function isInGroup(pid: number, group: string): Promise<boolean> {
  return (await readFile(`/proc/${pid}/cgroup`, 'utf8').catch(() => '')).includes(`/${group}/`);
}

/** Every process of the cluster: the node's own, its pods', and those that name its folder. */
export async function processesOf({ layout }: Pick<TestCluster, 'layout'>): Promise<readonly Process[]> {
  const node = await findNode(layout);
  const found: Process[] = [];
  for (const process of await listProcesses()) {
    const named = process.command.some((word) => word === layout.root || word.includes(`${layout.root}/`));
    const inNode = node !== undefined && process.namespace === node.namespace;
    if (named || inNode || (await isInGroup(process.pid, layout.controlGroup))) found.push(process);
  }
  return found;
}

/** Those of them that are still there, as far as number and command line tell. */
export async function survivorsOf(processes: readonly Process[]): Promise<readonly string[]> {
  const now = new Map((await listProcesses()).map(({ pid, command }) => [pid, command.join(' ')]));
  return processes
    .map(({ pid, command }) => ({ pid, line: command.join(' ') }))
    .filter(({ pid, line }) => line !== '' && now.get(pid) === line)
    .map(({ line }) => line);
}

/** The process that started it, which it looks like until it has become the program that it was started for. */
async function parentOf(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
  return Number(/^PPid:\s*(\d+)$/m.exec(status)?.[1]);
}

/** Ends, without asking, the node's processes whose program has this name; how many there were. */
export async function kill(cluster: TestCluster, program: string): Promise<number> {
  const node = await findNode(cluster.layout);
  const pids = (await listProcesses())
    .filter(({ namespace, command }) => namespace === node?.namespace && command[0]?.endsWith(`/bin/${program}`))
    .map(({ pid }) => pid);
  const parents = await Promise.all(pids.map(parentOf));
  for (const pid of pids) signal(pid, 'SIGKILL');
  return parents.filter((parent) => !pids.includes(parent)).length;
}
