import { setTimeout as sleep } from 'node:timers/promises';
import type { SimulatedCluster } from '../../scripts/cluster/simulated/index.ts';
import type { Admin } from './admin.ts';
import type { FaultProxy } from './fault-proxy.ts';
import { isOfPod } from './leadership.ts';
import type { OperatorSlot } from './operator-slot.ts';
import type { Damage, Fault, Who } from './plan.ts';

export interface FaultContext {
  readonly cluster: SimulatedCluster;
  readonly admin: Admin;
  readonly proxy: FaultProxy;
  readonly slots: readonly [OperatorSlot, OperatorSlot];
  /** Path of the operators' Lease in the API. */
  readonly leasePath: string;
}

/** Brings faults about, each for its time. */
export class Faults {
  readonly #context: FaultContext;
  #leader = 0;

  constructor(context: FaultContext) {
    this.#context = context;
  }

  /**
   * Resolves when the fault is over and what was stopped works again, with whom or what it struck.
   * @param strike does a damage that is part of the fault
   */
  async bringAbout(fault: Fault, strike: (damage: Damage) => Promise<void>): Promise<string> {
    const { cluster, proxy } = this.#context;
    if (fault.kind === 'KillApiServer' || fault.kind === 'StopEtcd') {
      const component = cluster.component(fault.kind === 'StopEtcd' ? 'etcd' : 'kube-apiserver');
      await component.kill();
      await sleep(fault.forMs);
      await component.start();
      return '';
    }
    if (fault.kind === 'Weather') {
      proxy.set(fault);
      await sleep(fault.forMs);
      proxy.set();
      return '';
    }
    const slot = await this.#slot(fault.kind === 'PauseLeader' ? 'Leader' : fault.who);
    const { identity } = slot;
    if (fault.kind === 'KillOperator') return slot.kill(fault.newPod) ? identity : `${identity}, which was down`;
    if (fault.kind === 'PauseLeader') {
      slot.pause();
      await sleep(fault.forMs);
      const struck = fault.damages.map(strike);
      slot.resume();
      await Promise.all(struck);
      return identity;
    }
    slot.line.set(fault.kind);
    await sleep(fault.forMs);
    slot.line.set('Up');
    return identity;
  }

  /** Everything works again, whatever was under way. */
  async end(): Promise<void> {
    const { cluster, proxy, slots } = this.#context;
    proxy.set();
    for (const slot of slots) {
      slot.line.set('Up');
      slot.resume();
    }
    for (const name of ['etcd', 'kube-apiserver'] as const) await cluster.component(name).start();
  }

  /** Whose name is in the Lease; while the API server is away, whose name was in it. */
  async #slot(who: Who): Promise<OperatorSlot> {
    const { admin, leasePath, slots } = this.#context;
    const { body } = await admin.once({ method: 'GET', path: leasePath });
    const holder = (body as { spec?: { holderIdentity?: string } } | undefined)?.spec?.holderIdentity ?? '';
    const found = slots.findIndex(({ identity }) => isOfPod(holder, identity));
    if (found >= 0) this.#leader = found;
    const [first, second] = slots;
    return (this.#leader === 0) === (who === 'Leader') ? first : second;
  }
}
