import { join } from 'node:path';
import type { ClusterRegistry } from '../cluster.ts';
import { withLock } from '../lock.ts';
import { registryComponents } from './components.ts';
import { type Addresses, REGISTRY_HOST, REGISTRY_PORTS } from './layout.ts';
import { lockName, type Settings } from './settings.ts';
import { type RunningNode, startComponent, stopComponent, waitReady } from './supervise.ts';

/** The registry that runs in this node. */
export function registryControl(
  node: RunningNode<'registry'>,
  addresses: Addresses,
  { registry }: Settings,
): ClusterRegistry {
  const listeners = registryComponents(node.layout, addresses);
  return {
    tls: `${addresses.node}:${REGISTRY_PORTS.tls}`,
    plain: `${addresses.node}:${REGISTRY_PORTS.plain}`,
    hostname: `${REGISTRY_HOST}:${REGISTRY_PORTS.tls}`,
    caFile: join(node.layout.pki, 'registry-ca.crt'),
    username: registry.username,
    password: registry.password,
    async stop() {
      await withLock(lockName(node.layout), async () => {
        for (const listener of listeners) await stopComponent(node, listener);
      });
    },
    async start() {
      await withLock(lockName(node.layout), async () => {
        for (const listener of listeners) await startComponent(node, listener);
        for (const listener of listeners) await waitReady(node, listener);
      });
    },
  };
}
