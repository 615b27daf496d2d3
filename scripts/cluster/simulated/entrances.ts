import type { Layout } from '../local/layout.ts';
import type { Process } from '../local/processes.ts';

/**
 * The `nsenter` processes by which programs got into the cluster; each waits outside for its program's end. Every
 * command line that is started in a simulated cluster has a path of its folder, which tells them from others'.
 */
export function entrances(processes: readonly Process[], { root }: Layout): readonly Process[] {
  return processes.filter(
    ({ command }) => command[0] === 'nsenter' && command.some((word) => word === root || word.includes(`${root}/`)),
  );
}
