import { execa } from 'execa';
import { UserError } from '../../console.ts';
import { inNode } from './node.ts';
import { ctr } from './node-images.ts';
import type { RunningNode } from './supervise.ts';

/** Namespace, pod, and the container's name in it. */
type ContainerOfPod = readonly [namespace: string, pod: string, container: string];

/**
 * Kills a pod's running container past kubelet, as the kernel does when it is out of memory: all its processes end with
 * the first.
 * @throws UserError when the pod has no running container of this name
 */
export async function killContainer(node: RunningNode, ...of: ContainerOfPod): Promise<void> {
  await ctr(node, 'tasks', 'kill', '--signal', 'SIGKILL', await runningTask(node, ...of));
}

/**
 * Stops all processes of a pod's running container: they hear nothing, and their connections stay open. Each is told,
 * since of a signal that is for the container only its first process, often an init, hears.
 * @throws UserError when the pod has no running container of this name
 */
export async function stopContainer(node: RunningNode, ...of: ContainerOfPod): Promise<void> {
  const [, ...rows] = lines(await ctr(node, 'tasks', 'ps', await runningTask(node, ...of)));
  const pids = rows.map((row) => row.trim().split(/\s+/)[0] ?? '');
  const [program, args] = inNode(node.first, ['sh', '-c', 'kill -s STOP "$@"', 'sh', ...pids]);
  await execa(program, args);
}

async function runningTask(node: RunningNode, ...[namespace, pod, container]: ContainerOfPod): Promise<string> {
  const labels = { 'pod.namespace': namespace, 'pod.name': pod, 'container.name': container };
  const filter = Object.entries(labels).map(([key, value]) => `labels."io.kubernetes.${key}"==${value}`);
  const known = lines(await ctr(node, 'containers', 'list', '--quiet', filter.join(',')));
  const running = new Set(lines(await ctr(node, 'tasks', 'list', '--quiet')));
  const found = known.find((id) => running.has(id));
  if (found === undefined) throw new UserError(`Pod ${namespace}/${pod} has no running container ${container}`);
  return found;
}

function lines(text: string): readonly string[] {
  return text.split('\n').filter((line) => line !== '');
}
