import type { MachineContact } from '../observed.ts';
import type { AgentAddress } from './agent-stream.ts';
import { type ChannelContext, MachineChannel } from './channel.ts';

/** A pod as channels see it. */
export interface ReachablePod extends AgentAddress {
  /** A container of it runs, so that there may be an agent to answer. */
  readonly running: boolean;
}

/** How long after its first pass (it may have waited for the Lease before) the operator lets machines count as what they were, until it has asked them. */
const SETTLING_MS = 5_000;

/** The channels to all machines, by Emulator. */
export class MachineChannels {
  readonly #context: ChannelContext;
  readonly #onChange: (emulatorKey: string) => void;
  readonly #channels = new Map<string, Map<string, MachineChannel>>();
  /** When the first Emulator was looked at. */
  #startedAt: number | undefined;

  constructor(context: ChannelContext, onChange: (emulatorKey: string) => void) {
    this.#context = context;
    this.#onChange = onChange;
  }

  /**
   * Opens channels to these pods of an Emulator, once something runs in them, and closes those to others. A channel
   * outlives the moment between two containers.
   */
  sync(emulatorKey: string, pods: readonly ReachablePod[]): void {
    this.#startedAt ??= this.#context.now();
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
    const settling = this.#settlingLeft() > 0;
    const channels = [...(this.#channels.get(emulatorKey) ?? [])];
    return new Map(
      channels.map(([uid, { contact }]) => {
        const fresh = settling && contact.report === undefined;
        return [uid, fresh ? { ...contact, state: 'Settling' as const } : contact];
      }),
    );
  }

  async close(): Promise<void> {
    const all = [...this.#channels.values()].flatMap((channels) => [...channels.values()]);
    for (const channel of all) channel.close();
    this.#channels.clear();
    await Promise.all(all.map(({ ended }) => ended));
  }

  #open(emulatorKey: string, pod: AgentAddress): MachineChannel {
    const settlingLeft = this.#settlingLeft();
    if (settlingLeft > 0) this.#context.after(settlingLeft, () => this.#onChange(emulatorKey));
    return new MachineChannel(this.#context, pod, () => this.#onChange(emulatorKey));
  }

  #settlingLeft(): number {
    return this.#startedAt === undefined ? 0 : this.#startedAt + SETTLING_MS - this.#context.now();
  }
}
