import { UserError } from '../../console.ts';
import { ctr } from './node-images.ts';
import type { RunningNode } from './supervise.ts';

/**
 * Sends a signal to all processes of a pod's running container, past kubelet: SIGKILL is what the kernel does when it is
 * out of memory.
 * @throws UserError when the pod has no running container of this name
 */
export async function signalContainer(
  node: RunningNode,
  signal: 'SIGKILL' | 'SIGSTOP',
  namespace: string,
  pod: string,
  container: string,
): Promise<void> {
  const labels = { 'pod.namespace': namespace, 'pod.name': pod, 'container.name': container };
  const filter = Object.entries(labels).map(([key, value]) => `labels."io.kubernetes.${key}"==${value}`);
  const known = lines(await ctr(node, 'containers', 'list', '--quiet', filter.join(',')));
  const running = new Set(lines(await ctr(node, 'tasks', 'list', '--quiet')));
  const found = known.find((id) => running.has(id));
  if (found === undefined) throw new UserError(`Pod ${namespace}/${pod} has no running container ${container}`);
  await ctr(node, 'tasks', 'kill', '--all', '--signal', signal, found);
}

function lines(text: string): readonly string[] {
  return text.split('\n').filter((line) => line !== '');
}
