import type { Emulator } from '../../api/emulator/schema.ts';
import type { AgentReport, ReportedDisk } from '../../contract/agent-report.ts';

/** Everything that decisions about one Emulator are made from; plain values, read once. */
export interface Observed {
  /** When it was read, on a clock that nobody sets, in milliseconds: what durations in this process are measured with. */
  readonly monotonicMs: number;
  readonly emulator: Emulator;
  readonly statefulSet: ObservedStatefulSet | undefined;
  /** There is a PodDisruptionBudget of it. */
  readonly hasBudget: boolean;
  /** Objects of ours by kind, that are there and whose controller is somebody else. */
  readonly foreignChildren: readonly ForeignChild[];
  /** This process made sure that the Secrets are there, since it has known the Emulator. */
  readonly secretsMade: boolean;
  /** UIDs of the pods for which this process made sure that the Secrets are there, since they last ran. */
  readonly secretsFor: ReadonlySet<string>;
  readonly plan: ObservedPlan | undefined;
  /** Pods of the StatefulSet, by ordinal. */
  readonly pods: readonly ObservedPod[];
  /** Claims named or annotated for this Emulator. */
  readonly claims: readonly ObservedClaim[];
  /** Emulators that come before this one (`comesBefore`), and machines of which would mount claims of its machines. */
  readonly rivals: readonly Rival[];
  /** What each pod's agent said, by pod UID. */
  readonly contacts: ReadonlyMap<string, MachineContact>;
  /** What the API server last said to claims that were to grow, in this process. */
  readonly refusals: readonly RefusedGrowth[];
  /** Why the last pass could not carry out its decision, in the API server's words. */
  readonly failure: string | undefined;
  /** The latest try to resolve the snapshot's reference, in this process. */
  readonly resolve: ResolveAttempt | undefined;
}

export interface ObservedPlan {
  readonly text: string;
  /** When it last replaced another plan; undefined for the first. */
  readonly changedAt: Date | undefined;
}

export interface ForeignChild {
  readonly kind: string;
  readonly name: string;
  /** True when it belongs to an Emulator of this name that was deleted, and will be collected. */
  readonly ofPredecessor: boolean;
}

export interface ObservedStatefulSet {
  readonly uid: string;
  /** It is being deleted. */
  readonly leaving: boolean;
  readonly scaleMark: number | undefined;
  /** Size in its claim template; undefined where it has none. */
  readonly templateSize: string | undefined;
  /** UID of an Emulator that its claim template writes on claims; undefined where it writes none. */
  readonly templateUid: string | undefined;
  /** `templateSize` in bytes; undefined also when it can't be read. */
  readonly templateBytes: number | undefined;
  /** Revision of the newest pod template; undefined while its controller hasn't seen the newest. */
  readonly updateRevision: string | undefined;
}

export interface ObservedPod {
  readonly name: string;
  readonly uid: string;
  readonly ordinal: number;
  readonly ip: string | undefined;
  readonly resourceVersion: string;
  /** A container of it runs. */
  readonly running: boolean;
  /** Everything that it mounts was there: a container of it has begun, or kubelet says that one can. */
  readonly mounted: boolean;
  /** When it got its node; undefined before. */
  readonly scheduledAt: Date | undefined;
  readonly ready: boolean;
  /** Since when it isn't Ready, as kubelet says or since it was made; undefined while it is. */
  readonly downSince: Date | undefined;
  readonly deleting: boolean;
  /** When its grace period ends, or ended; undefined while it isn't being deleted. */
  readonly deletedAt: Date | undefined;
  readonly revision: string | undefined;
  readonly createdAt: Date;
  readonly planHash: string | undefined;
  /** When the registry let us in again, as the pod was last told. */
  readonly accessToldAt: string | undefined;
  /** Why it doesn't come up, in Kubernetes' words. */
  readonly obstacle: PodTrouble | undefined;
  /** How the container that runs now was ended before, when that was no success. */
  readonly lastEnd: PodTrouble | undefined;
  /** How often one of its containers was started again. */
  readonly restarts: number;
}

/** Something that Kubernetes says of a pod or a container. */
export interface PodTrouble {
  /** CamelCase, such as `Unschedulable` or `OOMKilled`. */
  readonly reason: string;
  readonly message: string;
}

export interface ObservedClaim {
  readonly name: string;
  readonly uid: string;
  /** Machine whose claim it is by its name; 0 for an existing claim. */
  readonly ordinal: number;
  /** Emulator that its annotation names. */
  readonly emulator: string | undefined;
  /** UID of that Emulator when it wrote the annotation. */
  readonly emulatorUid: string | undefined;
  /** The same, when it is another one than ours. */
  readonly holder: ClaimHolder | undefined;
  /** What was last reported of the disk on it. */
  readonly disk: ReportedDisk | undefined;
  /** True when deleting this Emulator makes the garbage collector delete the claim. */
  readonly collected: boolean;
  /** True when a deleted Emulator of our name takes it along: the garbage collector is yet to come. */
  readonly condemned: boolean;
  readonly deleting: boolean;
  readonly resourceVersion: string;
  /** It has a volume. */
  readonly bound: boolean;
  /** What it asks for; undefined when that can't be read. */
  readonly requestBytes: number | undefined;
  /** What its volume has; undefined without one, or when that can't be read. */
  readonly capacityBytes: number | undefined;
}

/** Another Emulator whose name a claim carries. */
export interface ClaimHolder {
  readonly name: string;
  /**
   * `Present`: there is an Emulator of this name, and the claim is one of its machines' by its spec. `Leaving`: there is
   * none any more by whose spec it is, and a pod of it still shuts down. `Gone`: neither.
   */
  readonly state: 'Present' | 'Leaving' | 'Gone';
}

export interface Rival {
  readonly emulator: string;
  /** Names of the claims that both would mount. */
  readonly claims: readonly string[];
}

/** A claim that the API server didn't let grow. */
export interface RefusedGrowth {
  readonly uid: string;
  /** The size that was asked for. */
  readonly bytes: number;
  /** The API server's words. */
  readonly message: string;
  /** See {@link Observed.monotonicMs}. */
  readonly at: number;
}

/** What is known of a machine from its own agent. */
export interface MachineContact {
  readonly report: AgentReport | undefined;
  /**
   * `Settling`: this operator found the machine there when it began, and hasn't heard of it yet: it may have been at
   * work all the time. `Connecting`: the machine has come since, and hasn't been heard of.
   * `Lost`: silent for longer than it may be.
   */
  readonly state: 'Settling' | 'Connecting' | 'Connected' | 'Lost';
  /** Since when the state is what it is. */
  readonly since: Date;
}

/** What a resolve depends on; a change of any of it makes an older attempt worthless. */
export interface ResolveRequest {
  readonly reference: string;
  /** The user's word that asks for what the tag is now; another one is another request. */
  readonly again?: string;
  /** Only whether this digest is to be had there with these credentials: it is pinned. */
  readonly digest?: string;
  readonly plainHTTP: boolean;
  readonly pullSecret: string | undefined;
  readonly ca: { readonly name: string; readonly key: string } | undefined;
}

export interface ResolveFailure {
  readonly reason: string;
  readonly message: string;
  /** How long the registry wants to be left alone. */
  readonly retryAfterSeconds?: number;
}

export interface ResolveAttempt {
  readonly request: ResolveRequest;
  readonly running: boolean;
  readonly digest: string | undefined;
  /** Of the last attempt that ended; kept while the next one runs. */
  readonly failure: ResolveFailure | undefined;
  readonly failures: number;
  /** See {@link Observed.monotonicMs}. */
  readonly endedAt: number | undefined;
  /** Since when every attempt has succeeded, by the wall clock: machines are told. Undefined when the last one didn't. */
  readonly goodSince: Date | undefined;
}
