import type { MachineContact } from '../observed.ts';
import type { AgentAddress } from './agent-stream.ts';
import { type ChannelContext, MachineChannel } from './channel.ts';

/** A pod as channels see it. */
export interface ReachablePod extends AgentAddress {
  /** A container of it runs, so that there may be an agent to answer. */
  readonly running: boolean;
}

/** The channels to all machines, by Emulator. */
export class MachineChannels {
  readonly #context: ChannelContext;
  readonly #onChange: (emulatorKey: string) => void;
  readonly #channels = new Map<string, Map<string, MachineChannel>>();
  /** By Emulator, the UIDs of the pods that ran when it was first looked at. */
  readonly #found = new Map<string, ReadonlySet<string>>();

  constructor(context: ChannelContext, onChange: (emulatorKey: string) => void) {
    this.#context = context;
    this.#onChange = onChange;
  }

  /**
   * Opens channels to these pods of an Emulator, once something runs in them, and closes those to others. A channel
   * outlives the moment between two containers.
   */
  sync(emulatorKey: string, pods: readonly ReachablePod[]): void {
    if (!this.#found.has(emulatorKey)) {
      this.#found.set(emulatorKey, new Set(pods.filter(({ running }) => running).map(({ uid }) => uid)));
    }
    const open = this.#channels.get(emulatorKey) ?? new Map<string, MachineChannel>();
    for (const [uid, channel] of open) {
      if (pods.some((pod) => pod.uid === uid && pod.ip === channel.address.ip)) continue;
      channel.close();
      open.delete(uid);
    }
    for (const pod of pods) {
      if (pod.running && !open.has(pod.uid)) open.set(pod.uid, this.#open(emulatorKey, pod));
    }
    if (open.size === 0) this.#channels.delete(emulatorKey);
    else this.#channels.set(emulatorKey, open);
  }

  /** What is known of an Emulator's machines, by pod UID. */
  contacts(emulatorKey: string): Map<string, MachineContact> {
    const found = this.#found.get(emulatorKey);
    const channels = [...(this.#channels.get(emulatorKey) ?? [])];
    return new Map(
      channels.map(([uid, { contact }]) => {
        const settling = contact.state === 'Connecting' && found?.has(uid) === true;
        return [uid, settling ? { ...contact, state: 'Settling' as const } : contact];
      }),
    );
  }

  /** The Emulator is gone. */
  forget(emulatorKey: string): void {
    this.sync(emulatorKey, []);
    this.#found.delete(emulatorKey);
  }

  /** Closes all of them; the next {@link sync} opens them again, as if it were the first. */
  async close(): Promise<void> {
    const all = [...this.#channels.values()].flatMap((channels) => [...channels.values()]);
    for (const channel of all) channel.close();
    this.#channels.clear();
    this.#found.clear();
    await Promise.all(all.map(({ ended }) => ended));
  }

  #open(emulatorKey: string, pod: AgentAddress): MachineChannel {
    return new MachineChannel(this.#context, pod, () => this.#onChange(emulatorKey));
  }
}
