import type { Logger } from 'pino';
import type { Emulator } from '../../api/emulator/schema.ts';
import { ApiError, errorMessage, isConflict, isNamespaceTerminating, isRefusal } from '../../kube/errors.ts';
import type { EventRecorder, Happening } from '../../kube/events.ts';
import { keyOf } from '../../kube/object.ts';
import type { WorkResult } from '../../kube/work-queue.ts';
import { type ActContext, carryOut, isStatusStale, writeStatus } from './act.ts';
import { BY_OWNER, claimantNamed, claimantsLike, claimsFor, type RawEmulator } from './caches.ts';
import { BLOCK_RECHECK_MS, type Decision, decide, type Installation, LEAVING_RECHECK_MS } from './decide.ts';
import type { Foothold } from './disks/claimant.ts';
import { gather, observePods } from './gather.ts';
import { invalidSpecStatus } from './invalid-spec.ts';
import type { MachineChannels } from './machines/channels.ts';
import { childNames } from './names.ts';
import type { ForeignChild, Observed, RefusedGrowth, ResolveAttempt } from './observed.ts';
import { type Parsed, parseEmulator } from './parse.ts';
import { REASONS } from './reasons.ts';
import { SecretWithoutToken } from './secrets.ts';
import type { SnapshotResolver } from './snapshot-resolver.ts';
import {
  NO_STATUS_YET,
  type StatusHistory,
  type StatusPace,
  soonerPace,
  statusDueAt,
  withNews,
} from './status-pace.ts';

export interface ControllerContext extends Omit<ActContext, 'onWrite' | 'onClaimDeleted' | 'onRestart' | 'isTaken'> {
  readonly channels: MachineChannels;
  readonly resolver: SnapshotResolver;
  readonly recorder: EventRecorder;
  readonly log: Logger;
  readonly installation: Installation;
  readonly now: () => Date;
  /** A clock that nobody sets, in milliseconds. */
  readonly monotonic: () => number;
}

/** What a controller remembers of an Emulator between passes; losing it costs at most a repeated attempt. */
interface Memory {
  readonly uid: string;
  failure: string | undefined;
  /** Passes that failed in a row. */
  failures: number;
  statuses: StatusHistory;
  /** What passes found that no stored status has told yet, as far as it is known. */
  untold: readonly Happening[];
  /** Its namespace is being deleted, which nobody can take back: nothing can be made in it any more. */
  namespaceEnds: boolean;
  /** By the claim's UID. */
  readonly refusals: Map<string, RefusedGrowth>;
  /** See {@link Observed.secretsMade}. */
  secretsMade: boolean;
  /** See {@link Observed.secretsFor}. */
  secretsFor: ReadonlySet<string>;
  conflicts: { readonly found: readonly ForeignChild[]; readonly at: number } | undefined;
  /** Replicas of the StatefulSet that the last pass had to make; undefined when it had none to make. */
  making: number | undefined;
}

/** Brings Emulators to what their specs say. Wiring and I/O only: what is to be done stands in `decide.ts`. */
export class EmulatorController {
  readonly #context: ControllerContext;
  readonly #memories = new Map<string, Memory>();
  readonly #parsedBefore = new WeakMap<RawEmulator, Parsed>();
  /** Keys of the Emulators whose status waits, by its pace: the more come up at once, the longer each waits. */
  readonly #waiting = { First: new Set<string>(), Step: new Set<string>() };

  constructor(context: ControllerContext) {
    this.#context = context;
  }

  /** One pass over one Emulator: gather, decide, act. */
  async reconcile(key: string): Promise<WorkResult> {
    this.#waitsAt(key, undefined);
    const raw = this.#context.caches.emulators.store.get(key);
    if (raw === undefined || raw.metadata.uid !== this.#memories.get(key)?.uid) this.#forget(key);
    // Children go with their owner: that is the garbage collector's work.
    if (raw === undefined || raw.metadata.deletionTimestamp !== undefined) return { outcome: 'Done' };
    const memory = this.#memory(key, raw);
    if (memory.namespaceEnds) return { outcome: 'Done' };
    const parsed = this.#parsed(raw);
    if (!parsed.success) return this.#reportInvalid(raw, memory, parsed.message);
    try {
      return await this.#bringAbout(key, raw, parsed.emulator, memory);
    } catch (error) {
      if (!isNamespaceTerminating(error)) throw error;
      memory.namespaceEnds = true;
      return { outcome: 'Done' };
    }
  }

  /** Keys of the Emulators that are there, and of those that were when they were last worked on. */
  known(): Set<string> {
    const there = [...this.#context.caches.emulators.store.values()].map(keyOf);
    return new Set([...there, ...this.#memories.keys()]);
  }

  /** Cached objects never change, and an Emulator is looked at many times before there is another version of it. */
  #parsed(raw: RawEmulator): Parsed {
    const known = this.#parsedBefore.get(raw);
    if (known !== undefined) return known;
    const parsed = parseEmulator(raw);
    this.#parsedBefore.set(raw, parsed);
    return parsed;
  }

  /**
   * Pods of an Emulator changed: its machines are listened to from now on, so that what they say is known by the time
   * that its turn comes.
   */
  podsChanged(key: string): void {
    const raw = this.#context.caches.emulators.store.get(key);
    const memory = this.#memories.get(key);
    if (raw === undefined || memory === undefined || memory.namespaceEnds) return;
    if (raw.metadata.uid !== memory.uid || raw.metadata.deletionTimestamp !== undefined) return;
    const parsed = this.#parsed(raw);
    if (parsed.success) this.#syncChannels(key, parsed.emulator);
  }

  /** Another process leads from now on, and tells what there is to tell. */
  turnEnded(): void {
    for (const memory of this.#memories.values()) memory.untold = [];
  }

  /** An attempt to resolve a snapshot ended: people hear of a failure at once, each time. */
  resolveEnded(key: string, attempt: ResolveAttempt): void {
    const raw = this.#context.caches.emulators.store.get(key);
    const { failure } = attempt;
    if (raw === undefined || failure === undefined) return;
    this.#tell(raw, { type: 'Warning', reason: failure.reason, action: 'Resolve', note: failure.message });
  }

  async #bringAbout(key: string, raw: RawEmulator, emulator: Emulator, memory: Memory): Promise<WorkResult> {
    const decision = this.#decide(key, emulator, memory);
    // Before anything is waited for, so that no pass over another Emulator comes in between.
    memory.making = decision.objects?.statefulSet?.spec?.replicas;
    if (decision.statusFirst) await this.#publish(raw, memory, decision);
    // What is written on a claim makes no difference any more: what is to be told of it would be lost with this process.
    const untilToldMs = decision.events.length > 0 ? this.#heldBackMs(raw, memory, decision) : 0;
    const due = untilToldMs > 0 ? { ...decision, claimPatches: decision.claimAdoptions, events: [] } : decision;
    const changed = await this.#carryOut(key, raw, emulator, memory, due);
    // What was just stored is what the next pass starts from.
    if (decision.statusFirst) return { outcome: 'Again', afterMs: 0 };
    const final = changed ? this.#decideAgain(key, emulator, memory, decision) : decision;
    const isToldLater = untilToldMs > 0 && final.statusPace !== 'Now';
    const heldBackMs = isToldLater ? untilToldMs : await this.#publish(raw, memory, final);
    if (final.resolve !== undefined) this.#context.resolver.start(key, emulator.metadata.namespace, final.resolve);
    const afterMs = Math.min(heldBackMs ?? Number.POSITIVE_INFINITY, final.againAfterMs ?? Number.POSITIVE_INFINITY);
    return Number.isFinite(afterMs) ? { outcome: 'Again', afterMs } : { outcome: 'Done' };
  }

  /** Resolves with true when what was found out on the way changes what the status has to say. */
  async #carryOut(
    key: string,
    raw: RawEmulator,
    emulator: Emulator,
    memory: Memory,
    decision: Decision,
  ): Promise<boolean> {
    const act: ActContext = {
      ...this.#context,
      isTaken: (kind, name) =>
        memory.conflicts?.found.some((child) => child.kind === kind && child.name === name) ?? false,
      onWrite: (what) => this.#context.log.info({ emulator: key }, what),
      onClaimDeleted: (claim) => this.#tellOfDeletion(raw, claim),
      onRestart: (pod) => this.#tellOfRestart(raw, pod),
    };
    const before = memory.failure;
    try {
      const { conflicts, refusals, isStatefulSetNew, failure } = await carryOut(act, emulator, decision);
      if (decision.objects !== undefined) memory.secretsFor = new Set(decision.objects.secrets.pods);
      if (decision.objects?.secrets.create) memory.secretsMade = conflicts.length === 0;
      for (const { uid } of decision.claimGrowths) memory.refusals.delete(uid);
      for (const refusal of refusals) memory.refusals.set(refusal.uid, { ...refusal, at: this.#context.monotonic() });
      // Without objects there was nothing to find out.
      const found = conflicts.length === 0 ? undefined : { found: conflicts, at: this.#context.monotonic() };
      if (decision.objects !== undefined) memory.conflicts = found;
      if (failure !== undefined) throw failure;
      memory.failure = undefined;
      memory.failures = 0;
      // By the time that its disk is written down a machine may be up.
      const isTold = decision.events.length > 0 && decision.statusPace === 'Disk';
      const isDiskWritten = isTold && decision.claimPatches.length > 0;
      const isClaimChanged = decision.claimGrowths.length > 0 || isDiskWritten;
      return conflicts.length > 0 || isClaimChanged || isStatefulSetNew || before !== undefined;
    } catch (error) {
      if (!isUnanswered(error) && !isNamespaceTerminating(error)) {
        memory.failures += 1;
        if (isWorthTelling(error, memory.failures)) memory.failure = errorMessage(error);
        // What the machines do is told whatever fails. But that a new spec is observed isn't before it is applied.
        const isObserved = emulator.metadata.generation === emulator.status?.observedGeneration;
        if (!decision.statusFirst && (isObserved || memory.failure !== undefined)) {
          const next = this.#decideAgain(key, emulator, memory, decision);
          // The next try may be far off.
          await this.#publish(raw, memory, next.events.length > 0 ? { ...next, statusPace: 'Now' } : next);
          throw error;
        }
      }
      // What was carried out makes no difference any more, and nobody would hear of it.
      if (!decision.statusFirst) keepUntold(memory, decision.events);
      throw error;
    }
  }

  #decide(key: string, emulator: Emulator, memory: Memory): Decision {
    const observed = this.#gather(key, emulator, memory);
    return decide(observed, this.#context.installation, this.#context.now());
  }

  /** What is so after some or all of a decision was carried out, and what that one had to tell. */
  #decideAgain(key: string, emulator: Emulator, memory: Memory, first: Decision): Decision {
    const decision = this.#decide(key, emulator, memory);
    return {
      ...decision,
      statusPace: soonerPace(first.statusPace, decision.statusPace),
      events: together(first.events, decision.events),
    };
  }

  #gather(key: string, emulator: Emulator, memory: Memory): Observed {
    const { caches, channels, resolver } = this.#context;
    const { name, namespace } = emulator.metadata;
    const read = (child: string): string => `${namespace}/${child}`;
    const cached = {
      monotonicMs: this.#context.monotonic(),
      emulator,
      statefulSet: caches.statefulSets.store.get(read(childNames.statefulSet(name))),
      service: caches.services.store.get(read(childNames.service(name))),
      planConfigMap: caches.configMaps.store.get(read(childNames.plan(name))),
      podDisruptionBudget: caches.podDisruptionBudgets.store.get(read(childNames.podDisruptionBudget(name))),
      networkPolicy: caches.networkPolicies.store.get(read(childNames.networkPolicy(name))),
      pods: caches.pods.store.byIndex(BY_OWNER, key),
      claims: claimsFor(caches, key),
      claimants: claimantsLike(caches, key),
      claimant: (other: string) => claimantNamed(caches, read(other)),
      podsOf: (other: string) => caches.pods.store.byIndex(BY_OWNER, read(other)),
      foothold: (other: string) => this.#foothold(read(other)),
      resolve: resolver.attempt(key),
      conflicts: this.#conflicts(memory),
      secretsMade: memory.secretsMade,
      secretsFor: memory.secretsFor,
      refusals: [...memory.refusals.values()],
      failure: memory.failure,
    };
    this.#syncChannels(key, emulator);
    return gather({ ...cached, contacts: channels.contacts(key) });
  }

  #syncChannels(key: string, { metadata }: Emulator): void {
    const { caches, channels } = this.#context;
    const { name, namespace, uid: emulatorUid } = metadata;
    const reachable = observePods(caches.pods.store.byIndex(BY_OWNER, key), name).flatMap(
      ({ name: pod, uid, ip, running }) =>
        ip === undefined ? [] : [{ namespace, emulator: name, emulatorUid, pod, uid, ip, running }],
    );
    channels.sync(key, reachable);
  }

  /** A StatefulSet that is just being made is in no cache yet, and another Emulator's pass may not wait for that. */
  #foothold(key: string): Foothold {
    const { statefulSets, pods } = this.#context.caches;
    const wanted = statefulSets.store.get(key)?.spec?.replicas ?? this.#memories.get(key)?.making;
    if ((wanted ?? 0) > 0 || pods.store.byIndex(BY_OWNER, key).length > 0) return 'Pods';
    return wanted === undefined ? 'None' : 'StatefulSet';
  }

  /** Objects that belong to others; after a while they are tried again, because nobody tells when they are gone. */
  #conflicts({ conflicts }: Memory): readonly ForeignChild[] {
    if (conflicts === undefined) return [];
    const age = this.#context.monotonic() - conflicts.at;
    return conflicts.found.filter(({ ofPredecessor }) => age < (ofPredecessor ? LEAVING_RECHECK_MS : BLOCK_RECHECK_MS));
  }

  /**
   * Stores the status, and tells what happened only when that has succeeded: a retry tells nothing twice. What could not
   * be told is told with the next one: what no answer came to may be stored all the same, and then makes no difference
   * any more. A status that has to wait is held back here, and the milliseconds until it may be stored are returned.
   */
  async #publish(
    raw: RawEmulator,
    memory: Memory,
    { status, statusPace, events }: Pick<Decision, 'status' | 'statusPace' | 'events'>,
  ): Promise<number | undefined> {
    const heldBackMs = this.#heldBackMs(raw, memory, { status, statusPace });
    if (heldBackMs > 0) return heldBackMs;
    const now = this.#context.monotonic();
    try {
      if (await writeStatus(this.#context, raw, status)) memory.statuses = { storedAt: now, since: {} };
    } catch (error) {
      // It was computed from what is no longer so, and isn't stored: somebody else may have told the same.
      if (!isConflict(error)) keepUntold(memory, events);
      throw error;
    }
    this.#waitsAt(keyOf(raw), undefined);
    const told = together(memory.untold, events);
    memory.untold = [];
    for (const event of told) this.#tell(raw, event);
    return undefined;
  }

  /** Milliseconds until the status may be stored; 0 or less when it may be, or is stored as it is. */
  #heldBackMs(
    raw: RawEmulator,
    memory: Memory,
    { status, statusPace }: Pick<Decision, 'status' | 'statusPace'>,
  ): number {
    const now = this.#context.monotonic();
    const pace = !isStatusStale(raw, status) ? undefined : memory.untold.length > 0 ? 'Now' : statusPace;
    const many = this.#waitsAt(keyOf(raw), pace);
    memory.statuses = withNews(memory.statuses, pace, now);
    return pace === undefined ? 0 : statusDueAt(pace, memory.statuses, now, many) - now;
  }

  /** Notes how long an Emulator's status waits, if at all; returns how many wait in the same way. */
  #waitsAt(key: string, pace: StatusPace | undefined): number {
    for (const keys of Object.values(this.#waiting)) keys.delete(key);
    return pace === 'First' || pace === 'Step' ? this.#waiting[pace].add(key).size : 0;
  }

  async #reportInvalid(raw: RawEmulator, memory: Memory, message: string): Promise<WorkResult> {
    const status = invalidSpecStatus(raw.status, raw.metadata.generation, message, this.#context.now());
    const event: Happening = { type: 'Warning', reason: REASONS.InvalidSpec, action: 'Parse', note: message };
    await this.#publish(raw, memory, { status, statusPace: 'Now', events: isStatusStale(raw, status) ? [event] : [] });
    return { outcome: 'Terminal', error: new Error(message) };
  }

  #tellOfDeletion(raw: RawEmulator, claim: string): void {
    this.#tell(raw, {
      type: 'Normal',
      reason: REASONS.ClaimDeleted,
      action: 'ScaleDown',
      note: `PersistentVolumeClaim ${claim} was deleted: spec.replicas fell and storage.retention.whenScaled is Delete`,
    });
  }

  #tellOfRestart(raw: RawEmulator, pod: string): void {
    const note = `${pod} is restarted: the spec changed since it was started, and spec.update is Rolling`;
    this.#tell(raw, { type: 'Normal', reason: REASONS.MachineUpdated, action: 'Update', note });
  }

  /** To people as an event, and a line in the log. */
  #tell(raw: RawEmulator, happening: Happening): void {
    const { type, reason, note } = happening;
    this.#context.log[type === 'Warning' ? 'warn' : 'info']({ emulator: keyOf(raw), reason }, note);
    this.#context.recorder.record(raw, happening);
  }

  #memory(key: string, { metadata }: RawEmulator): Memory {
    const memory = this.#memories.get(key) ?? {
      uid: metadata.uid ?? '',
      failure: undefined,
      failures: 0,
      namespaceEnds: false,
      statuses: NO_STATUS_YET,
      untold: [],
      refusals: new Map(),
      secretsMade: false,
      secretsFor: new Set(),
      conflicts: undefined,
      making: undefined,
    };
    this.#memories.set(key, memory);
    return memory;
  }

  #forget(key: string): void {
    const uid = this.#memories.get(key)?.uid;
    if (uid === undefined) return;
    this.#context.log.info({ emulator: key, uid }, 'the Emulator is gone');
    this.#context.secrets.forget(uid);
    this.#memories.delete(key);
    this.#waitsAt(key, undefined);
    this.#context.channels.forget(key);
    this.#context.resolver.forget(key);
  }
}

/** More than so many are not kept: of something that is told in other words with each try. */
const MOST_UNTOLD = 250;

function keepUntold(memory: Memory, events: readonly Happening[]): void {
  memory.untold = together(memory.untold, events).slice(-MOST_UNTOLD);
}

/** Each once, the earlier ones first. */
function together(earlier: readonly Happening[], later: readonly Happening[]): readonly Happening[] {
  if (earlier.length === 0) return later;
  return [...new Map([...earlier, ...later].map((happening) => [JSON.stringify(happening), happening])).values()];
}

/** So many failures in a row are no hiccup: the status says so. */
const LASTING = 3;

/** What is refused, or goes on failing; what only has to be tried again is not worth a status. */
function isWorthTelling(error: unknown, failures: number): boolean {
  return isRefusal(error) || error instanceof SecretWithoutToken || failures >= LASTING;
}

/** Nothing can be written now, a status no more than anything else. */
function isUnanswered(error: unknown): boolean {
  return error instanceof ApiError && error.code === 0;
}
