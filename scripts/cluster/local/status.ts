import { CLUSTER_TOOLS, ensureTools, KUBERNETES_VERSIONS } from '../../tools.ts';
import { allComponents, apiServerUrl } from './components.ts';
import { addressesOf, type Layout, REGISTRY_PORTS } from './layout.ts';
import { findNode } from './node.ts';
import { readSettings } from './settings.ts';
import { findComponent, isReady } from './supervise.ts';

/** What runs of the cluster and what doesn't, a line each, in plain words. */
export async function describe(layout: Layout): Promise<{ lines: readonly string[]; healthy: boolean }> {
  const settings = await readSettings(layout);
  if (settings === undefined) {
    return {
      lines: [`There is no local cluster "${layout.name}". Bring it up: npm run cluster -- up`],
      healthy: false,
    };
  }
  const addresses = addressesOf(settings.index);
  const first = await findNode(layout);
  if (first === undefined) {
    const lines = [`The local cluster "${layout.name}" is down, its data is kept. Mend it: npm run cluster -- up`];
    return { lines, healthy: false };
  }
  const tools = await ensureTools(CLUSTER_TOOLS, settings.kubernetes);
  const lines: string[] = [];
  let healthy = true;
  for (const component of allComponents(layout, addresses)) {
    const node = { layout, first, tools };
    const running = (await findComponent(node, component)).at(0);
    const ready = running !== undefined && (await isReady(node, component));
    healthy &&= ready;
    const state = running === undefined ? 'has died' : ready ? `runs (process ${running.pid})` : 'runs, no answer yet';
    lines.push(`${component.name.padEnd(24)} ${state.padEnd(24)} ${component.purpose}`);
  }
  lines.push(
    '',
    `Kubernetes  ${KUBERNETES_VERSIONS[settings.kubernetes]}`,
    `API server  ${apiServerUrl(addresses)}`,
    `kubeconfig  ${layout.kubeconfig}`,
    `registry    ${addresses.node}:${REGISTRY_PORTS.tls} (TLS), ${addresses.node}:${REGISTRY_PORTS.plain} (plain HTTP), user ${settings.registry.username}`,
    `logs        ${layout.log}`,
  );
  if (!healthy) lines.push('', 'Mend it: npm run cluster -- up');
  return { lines, healthy };
}
