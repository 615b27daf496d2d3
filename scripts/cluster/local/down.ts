import { rm } from 'node:fs/promises';
import { UserError } from '../../console.ts';
import { withLock } from '../lock.ts';
import { removeControlGroup } from './control-groups.ts';
import { addressesOf, type Layout } from './layout.ts';
import { destroyNode, removeMountPoints, waitForCableGone } from './node.ts';
import { lockName, readSettings } from './settings.ts';

/** The cluster's addresses, when its settings can still be read; nothing that must be removed depends on them. */
async function knownAddresses(layout: Layout) {
  try {
    const settings = await readSettings(layout);
    return settings === undefined ? undefined : addressesOf(settings.index);
  } catch (error) {
    if (error instanceof UserError) return undefined;
    throw error;
  }
}

/** Takes away everything of the cluster, whatever of it is there. */
export async function down(layout: Layout): Promise<void> {
  await withLock(lockName(layout), async () => {
    const addresses = await knownAddresses(layout);
    await destroyNode(layout);
    if (addresses !== undefined) await waitForCableGone(addresses);
    await removeControlGroup(layout.controlGroup);
    await removeMountPoints();
    await rm(layout.root, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
  });
}
