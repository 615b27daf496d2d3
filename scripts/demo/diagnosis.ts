import { OPERATOR_NAMESPACE } from '../install.ts';
import type { EmulatorName } from './machines.ts';
import type { DemoView } from './view.ts';

/** What a person would look at when machines don't come up. */
export async function diagnosis(view: DemoView, names: readonly EmulatorName[]): Promise<string> {
  const parts: string[] = [];
  for (const name of names) {
    const selector = `app.kubernetes.io/instance=${name}`;
    parts.push(`--- kubectl describe emulator ${name}`, await view.kubectl('describe', 'emulator', name));
    parts.push(`--- kubectl get pods`, await view.kubectl('get', 'pods,pvc', '-l', selector, '-o', 'wide'));
    parts.push(
      `--- the machine's log`,
      await view.kubectl('logs', '-l', selector, '--all-containers', '--prefix', '--tail', '20'),
    );
  }
  const label = 'app.kubernetes.io/name=loco-operator';
  parts.push(
    `--- the operator's log`,
    await view.kubectl('--namespace', OPERATOR_NAMESPACE, 'logs', '-l', label, '--tail', '40'),
  );
  return parts.join('\n');
}
