import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { execa } from 'execa';
import { viewOnce } from '../../vnc/rfb-client.ts';
import type { Scenario } from './scenario.ts';

/** Tries to log in to a pod's VNC through `kubectl port-forward`, as the documentation tells users to. */
export async function vncLogin(
  scenario: Scenario,
  pod: string,
  password: string | undefined,
): Promise<'accepted' | 'refused'> {
  const { kubectl, kubeconfig } = scenario.cluster.environment;
  const forward = execa(kubectl, ['-n', scenario.namespace, 'port-forward', `pod/${pod}`, ':5901'], {
    env: { KUBECONFIG: kubeconfig },
    reject: false,
  });
  const ended = forward.then(({ stderr }): never => {
    throw new Error(`kubectl port-forward ended: ${stderr}`);
  });
  try {
    const said = once(createInterface({ input: forward.stdout }), 'line');
    const [line] = (await Promise.race([said, ended])) as [string];
    const port = Number(/127\.0\.0\.1:(\d+)/.exec(line)?.[1]);
    const answer = await viewOnce({ host: '127.0.0.1', port, password });
    return answer.kind === 'Accepted' ? 'accepted' : 'refused';
  } finally {
    forward.kill();
    await ended.catch(() => undefined);
  }
}
