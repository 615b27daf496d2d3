import { runsAlone } from '../environment.ts';
import type { PrepareContext } from './context.ts';

/** The line that a person pastes to give this machine a disk. */
export function importCommand({
  environment,
  container,
  variables,
}: Pick<PrepareContext, 'environment' | 'container' | 'variables'>): string {
  if (runsAlone(variables)) {
    return `docker exec -i ${variables['HOSTNAME'] ?? 'CONTAINER'} loco-agent import < win98.qcow2`;
  }
  const { podNamespace, podName } = environment;
  return `kubectl exec -i -n ${podNamespace} ${podName} -c ${container} -- loco-agent import < win98.qcow2`;
}
