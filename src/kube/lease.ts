import type { KubeClient } from './client.ts';
import { type Clock, pause } from './clock.ts';
import { errorMessage, isConflict, isNotFound } from './errors.ts';
import type { Fence } from './fence.ts';
import { LeaseFence, momentOf } from './lease-fence.ts';
import { freeLease, heldLease, LEASES, type Lease } from './lease-object.ts';
import { LeaseSilence } from './lease-silence.ts';

export interface LeaseOptions {
  /** Not fenced: the lease is what the fence is made of. */
  readonly client: Pick<KubeClient, 'get' | 'post' | 'replace'>;
  readonly clock: Clock;
  readonly namespace: string;
  readonly name: string;
  /** Of this process alone, for example a pod's name with a random part: two with one identity would both lead. */
  readonly identity: string;
  /**
   * Is this holder known to have ended? Its lease is taken over at once. Say yes only with proof: a process that is
   * stopped looks as dead as one that is.
   */
  readonly isPredecessor?: (holder: string) => boolean;
  /**
   * True: the lease could not be renewed in time, so the fence is closed, though nobody else is known to lead. False:
   * it has been renewed and nobody led in between, or, after {@link LeaderElection.hold} told of a loss, it has been
   * acquired again: work may go on. The two always take turns.
   */
  readonly onInterrupted?: (interrupted: boolean) => void;
  /** Told when requests begin to fail, and when they fail otherwise; trying goes on, and is not told of each time. */
  readonly onFailure: (error: unknown) => void;
}

/** Others may take over when a holder was silent for this long. */
const DURATION_MS = 12_000;
/** The fence closes when a holder couldn't renew for this long, well before others may begin. */
const DEADLINE_MS = 8_000;
const RENEW_MS = 2_000;
/** A renewal that failed is tried again so soon: three tries fit in before the deadline. */
const RENEW_AGAIN_MS = 500;
/** Who waits looks at the lease so often; it is what a clean stop costs. */
const LOOK_MS = 1_000;
/** A request that takes longer is given up. */
const REQUEST_MS = 3_000;

type Renewal = 'Renewed' | 'Taken' | 'Failed';

/**
 * One leader among several processes, by a Lease, and the {@link Fence} for what the leader writes.
 *
 * - How old a foreign lease is counts from when *we* saw it change, on our own monotonic clock: clocks of two machines
 *   differ, and clocks are set. Each write of the lease carries the resourceVersion that it is based on, so of two
 *   that try at once one gets a conflict.
 * - A leader that can't renew closes its fence after 8 s and goes on trying; others may begin after 12 s, and the 4 s
 *   between are for writes that are under way. While the API server is away nobody can take the lease, so nobody has
 *   to end: with its return the holder goes on at once, or hears that somebody else had the lease.
 * - Somebody who couldn't look for as long as a holder couldn't renew counts the holder's silence anew, so that an
 *   outage of the API server moves no leadership.
 *
 * @example
 * const election = new LeaderElection({ client: new KubeClient(connection), ... });
 * const fenced = new KubeClient(connection, { fence: election });
 * while (await election.acquire()) {
 *   queue.start();
 *   if ((await election.hold()) === 'Released') break;
 *   await queue.pause();
 * }
 */
export class LeaderElection implements Fence {
  readonly #options: LeaseOptions;
  readonly #fence: LeaseFence;
  readonly #silence: LeaseSilence;
  readonly #abort = new AbortController();
  #held: Lease | undefined;
  #interrupted = false;
  /** What was told of the last request that failed; undefined after one that didn't. */
  #failure: string | undefined;
  /** What {@link release} and {@link abandon} wait for: a write under way would make its own a conflict. */
  #work: Promise<unknown> = Promise.resolve();

  constructor(options: LeaseOptions) {
    this.#options = options;
    this.#fence = new LeaseFence(options.clock, DEADLINE_MS);
    this.#silence = new LeaseSilence(options.clock, DURATION_MS, DEADLINE_MS);
  }

  remainingMs(): number {
    return this.#fence.remainingMs();
  }

  /** Resolves when we are the leader, or with false when it was ended before ({@link release}, {@link abandon}). */
  acquire(): Promise<boolean> {
    const acquired = this.#acquire();
    this.#work = acquired;
    return acquired;
  }

  /** Renews until somebody else has, or had, the lease ("Lost") or we end ("Released"). After {@link acquire}. */
  hold(): Promise<'Lost' | 'Released'> {
    const held = this.#hold();
    this.#work = held;
    return held;
  }

  /**
   * Gives the lease back, so that the next one needn't wait for it to run out. Only when nothing is under way any more:
   * the fence holds back what is still to be sent, and a request that has left may be carried out later.
   */
  async release(): Promise<void> {
    const held = await this.#end();
    if (held !== undefined) await this.#within(REQUEST_MS, (signal) => this.#giveBack(held, signal));
  }

  /** Ends without giving the lease back: by the time that it has run out, the server has given up what was sent, too. */
  async abandon(): Promise<void> {
    await this.#end();
  }

  async #end(): Promise<Lease | undefined> {
    this.#abort.abort();
    await this.#work;
    this.#fence.close();
    const held = this.#held;
    this.#held = undefined;
    return held;
  }

  async #acquire(): Promise<boolean> {
    const { signal } = this.#abort;
    while (!signal.aborted) {
      const acquired = await this.#within(REQUEST_MS, (request) => this.#look(request));
      if (acquired === true) {
        this.#tellOfInterruption();
        return !signal.aborted;
      }
      await pause(this.#options.clock, this.#untilNextLook(), signal);
    }
    return false;
  }

  async #hold(): Promise<'Lost' | 'Released'> {
    let waitMs = RENEW_MS;
    while (true) {
      await pause(this.#options.clock, waitMs, this.#abort.signal);
      if (this.#abort.signal.aborted) return 'Released';
      const renewal = await this.#renewInTime();
      if (renewal === 'Taken') {
        this.#fence.close();
        this.#held = undefined;
        this.#silence.observe(undefined);
        return 'Lost';
      }
      waitMs = renewal === 'Renewed' ? RENEW_MS : RENEW_AGAIN_MS;
    }
  }

  /** A request that is still under way when the fence closes is given up, so that it is told of in time. */
  async #renewInTime(): Promise<Renewal> {
    this.#tellOfInterruption();
    const limitMs = Math.min(this.#fence.remainingMs() || REQUEST_MS, REQUEST_MS);
    const renewal = (await this.#within(limitMs, (signal) => this.#renew(signal))) ?? 'Failed';
    if (renewal !== 'Taken') this.#tellOfInterruption();
    return renewal;
  }

  #tellOfInterruption(): void {
    const interrupted = this.#fence.remainingMs() === 0;
    if (interrupted === this.#interrupted) return;
    this.#interrupted = interrupted;
    this.#options.onInterrupted?.(interrupted);
  }

  /** Undefined when the step failed or took longer: a request that hangs must not keep anybody waiting. */
  async #within<T>(ms: number, step: (signal: AbortSignal) => Promise<T>): Promise<T | undefined> {
    const giveUp = new AbortController();
    const late = Promise.withResolvers<never>();
    const cancel = this.#options.clock.after(ms, () => {
      late.reject(new Error('the API server did not answer in time'));
      giveUp.abort();
    });
    try {
      const result = await Promise.race([step(giveUp.signal), late.promise]);
      this.#failure = undefined;
      return result;
    } catch (error) {
      const failure = errorMessage(error);
      if (failure !== this.#failure) this.#options.onFailure(error);
      this.#failure = failure;
      return undefined;
    } finally {
      cancel();
    }
  }

  /** Looks at the lease, and takes it when it may be taken. */
  async #look(signal: AbortSignal): Promise<boolean> {
    const { client, namespace, name } = this.#options;
    const found = await client.get<Lease>(LEASES, namespace, name, { signal });
    if (!this.#mayTake(found)) return false;
    try {
      await this.#write(found, signal);
      return true;
    } catch (error) {
      // Somebody was faster.
      if (!isConflict(error) && !isNotFound(error)) throw error;
      return false;
    }
  }

  /** A conflict means that somebody else wrote it, or that we did and didn't hear so: then look whose it is. */
  async #renew(signal: AbortSignal): Promise<'Renewed' | 'Taken'> {
    try {
      await this.#write(this.#held, signal);
      return 'Renewed';
    } catch (error) {
      if (!isConflict(error) && !isNotFound(error)) throw error;
    }
    const { client, namespace, name } = this.#options;
    const found = await client.get<Lease>(LEASES, namespace, name, { signal });
    // Deleted: who waits lets our lease run out all the same, so it is ours as long as our fence is open.
    const isOurs = found === undefined ? this.remainingMs() > 0 : this.#isSameTerm(found);
    if (!isOurs) return 'Taken';
    await this.#write(found, signal);
    return 'Renewed';
  }

  #isSameTerm({ spec }: Lease): boolean {
    const held = this.#held?.spec;
    return spec.holderIdentity === held?.holderIdentity && spec.leaseTransitions === held?.leaseTransitions;
  }

  async #write(base: Lease | undefined, signal: AbortSignal): Promise<void> {
    const { client, clock, namespace, name, identity } = this.#options;
    const asked = momentOf(clock);
    const lease = heldLease(base ?? { metadata: { namespace, name }, spec: {} }, identity, DURATION_MS, asked.wall);
    const options = { signal };
    this.#held = await (base === undefined
      ? client.post(LEASES, lease, options)
      : client.replace(LEASES, lease, options));
    this.#fence.renewed(asked);
  }

  async #giveBack(held: Lease, signal: AbortSignal): Promise<void> {
    const { client, clock, namespace, name, identity } = this.#options;
    try {
      await client.replace(LEASES, freeLease(held, clock.now()), { signal });
    } catch (error) {
      if (!isConflict(error)) throw error;
      const found = await client.get<Lease>(LEASES, namespace, name, { signal });
      if (found?.spec.holderIdentity !== identity) return;
      await client.replace(LEASES, freeLease(found, clock.now()), { signal });
    }
  }

  #mayTake(found: Lease | undefined): boolean {
    const { identity, isPredecessor } = this.#options;
    // Somebody who deletes a lease takes it from its holder, who hears so at its next renewal: who knew it waits.
    if (found === undefined && !this.#silence.isKnown) return true;
    const holder = found === undefined ? undefined : (found.spec.holderIdentity ?? '');
    if (holder === '' || holder === identity) return true;
    if (holder !== undefined && isPredecessor?.(holder) === true) return true;
    return this.#silence.observe(found) === 0;
  }

  /** Soon, or earlier when a lease runs out earlier. */
  #untilNextLook(): number {
    return Math.min(LOOK_MS, this.#silence.leftMs() || LOOK_MS);
  }
}
