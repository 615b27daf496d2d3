import type { KubeClient } from './client.ts';
import { type Clock, pause } from './clock.ts';
import { ApiError, isConflict } from './errors.ts';
import { microTime } from './events.ts';
import type { KubeObject, Resource } from './object.ts';

const LEASES: Resource = { group: 'coordination.k8s.io', version: 'v1', plural: 'leases', kind: 'Lease' };

interface Lease extends KubeObject {
  readonly spec: {
    readonly holderIdentity?: string;
    readonly leaseDurationSeconds?: number;
    readonly acquireTime?: string;
    readonly renewTime?: string;
    readonly leaseTransitions?: number;
  };
}

export interface LeaseOptions {
  readonly client: KubeClient;
  readonly clock: Clock;
  readonly namespace: string;
  readonly name: string;
  /** Who we are; a restarted container of the same pod is the same and goes on at once. */
  readonly identity: string;
  readonly onFailure: (error: unknown) => void;
}

/** Others may take over when a holder was silent for this long. */
const DURATION_MS = 12_000;
/** A holder that couldn't renew for this long stops, before others may begin. */
const DEADLINE_MS = 8_000;
const RENEW_MS = 2_000;
const RETRY_MS = 1_000;

/**
 * One leader among several processes, by a Lease. How old a foreign lease is counts from when *we* saw it change, on
 * our own clock: clocks of two machines differ. Each write carries the resourceVersion that it is based on, so of two
 * that try at once one gets a conflict.
 */
export class LeaderElection {
  readonly #options: LeaseOptions;
  readonly #abort = new AbortController();
  #seen: { version: string; at: number } | undefined;
  #held: Lease | undefined;
  #lost = false;
  /** What {@link release} waits for: a write under way would make its own a conflict. */
  #work: Promise<unknown> = Promise.resolve();

  constructor(options: LeaseOptions) {
    this.#options = options;
  }

  get isLeader(): boolean {
    return this.#held !== undefined && !this.#lost;
  }

  /** Resolves when we are the leader, or with false when {@link release} was called before. */
  acquire(): Promise<boolean> {
    const acquired = this.#acquire();
    this.#work = acquired;
    return acquired;
  }

  /** Renews until the lease is lost ("Lost") or given back ("Released"). Call it after {@link acquire}. */
  hold(): Promise<'Lost' | 'Released'> {
    const held = this.#hold();
    this.#work = held;
    return held;
  }

  /** Gives the lease back, so that the next one needn't wait for it to run out. */
  async release(): Promise<void> {
    this.#abort.abort();
    await this.#work;
    const held = this.#lost ? undefined : this.#held;
    this.#held = undefined;
    if (held === undefined) return;
    const spec = { ...held.spec, holderIdentity: '', leaseDurationSeconds: 1, renewTime: this.#timestamp() };
    await this.#try(async () => {
      await this.#options.client.replace(LEASES, { ...held, spec });
      return true;
    });
  }

  async #acquire(): Promise<boolean> {
    const { clock } = this.#options;
    const { signal } = this.#abort;
    while (!signal.aborted) {
      if (await this.#try(() => this.#attempt())) return !signal.aborted;
      await pause(clock, RETRY_MS, signal);
    }
    return false;
  }

  async #hold(): Promise<'Lost' | 'Released'> {
    const { clock } = this.#options;
    let renewed = clock.now();
    while (true) {
      await pause(clock, RENEW_MS, this.#abort.signal);
      if (this.#abort.signal.aborted) return 'Released';
      const started = clock.now();
      const inTime = await this.#within(renewed + DEADLINE_MS - started, () => this.#renew());
      if (inTime) renewed = started;
      if (this.#held === undefined || clock.now() - renewed >= DEADLINE_MS) {
        this.#lost = true;
        return 'Lost';
      }
    }
  }

  /** False also when the step takes longer: a request that hangs must not keep us the leader. */
  async #within(ms: number, step: () => Promise<boolean>): Promise<boolean> {
    const late = Promise.withResolvers<false>();
    const cancel = this.#options.clock.after(ms, () => late.resolve(false));
    const done = await Promise.race([this.#try(step), late.promise]);
    cancel();
    return done;
  }

  async #try(step: () => Promise<boolean>): Promise<boolean> {
    try {
      return await step();
    } catch (error) {
      this.#options.onFailure(error);
      return false;
    }
  }

  async #attempt(): Promise<boolean> {
    const { client, namespace, name, identity } = this.#options;
    const found = await client.get<Lease>(LEASES, namespace, name);
    if (found === undefined) {
      await client.create<Lease>(LEASES, this.#lease({ metadata: { namespace, name }, spec: {} }));
      return false;
    }
    const holder = found.spec.holderIdentity ?? '';
    if (holder !== '' && holder !== identity && !this.#hasExpired(found)) return false;
    return this.#write(this.#lease(found));
  }

  /** A conflict means that somebody else took the lease, or changed it: ask again who has it. */
  async #renew(): Promise<boolean> {
    if (this.#held === undefined) return false;
    try {
      return await this.#write(this.#lease(this.#held));
    } catch (error) {
      if (!isConflict(error) && !(error instanceof ApiError && error.code === 404)) throw error;
      this.#held = undefined;
      return this.#attempt();
    }
  }

  async #write(lease: Lease): Promise<boolean> {
    this.#held = await this.#options.client.replace(LEASES, lease);
    return true;
  }

  #hasExpired(lease: Lease): boolean {
    const version = lease.metadata.resourceVersion ?? '';
    const now = this.#options.clock.now();
    if (this.#seen?.version !== version) this.#seen = { version, at: now };
    return now - this.#seen.at > Math.max(DURATION_MS, (lease.spec.leaseDurationSeconds ?? 0) * 1000);
  }

  #lease(base: Lease): Lease {
    const { identity } = this.#options;
    const mine = base.spec.holderIdentity === identity;
    return {
      ...base,
      apiVersion: 'coordination.k8s.io/v1',
      kind: 'Lease',
      spec: {
        holderIdentity: identity,
        leaseDurationSeconds: DURATION_MS / 1000,
        acquireTime: mine ? (base.spec.acquireTime ?? this.#timestamp()) : this.#timestamp(),
        renewTime: this.#timestamp(),
        leaseTransitions: (base.spec.leaseTransitions ?? 0) + (mine ? 0 : 1),
      },
    };
  }

  #timestamp(): string {
    return microTime(this.#options.clock.now());
  }
}
