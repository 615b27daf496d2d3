import { between, type Random, seeded } from '../random.ts';
import type { HttpFault } from './fault-proxy.ts';
import { drawPopulation, shuffled, type VariantName, variantOf, type Wanted } from './variants.ts';

/** Something that happens at a time, in milliseconds since the beginning. */
export interface Planned<T> {
  readonly atMs: number;
  readonly what: T;
}

/** What the user does. */
export type UserAction =
  | { readonly kind: 'Create'; readonly wanted: Wanted }
  /** Deletes it, and makes another one under the same name. */
  | { readonly kind: 'Recreate'; readonly wanted: Wanted }
  | { readonly kind: 'Scale'; readonly name: string; readonly replicas: number }
  | { readonly kind: 'Power'; readonly name: string; readonly state: 'Running' | 'Stopped' }
  /** Changes the pod template, which restarts nothing. */
  | { readonly kind: 'Relabel'; readonly name: string; readonly value: string }
  | { readonly kind: 'Delete'; readonly name: string };

/** What somebody does behind the operator's back. */
export const DAMAGE_KINDS = [
  'DeleteStatefulSet',
  'DeleteService',
  'DeletePlan',
  'DeletePod',
  'DeleteClaimAndPod',
  'ScaleStatefulSet',
  'ChangeService',
  'ChangePlan',
  'UnlabelPlan',
  'UnlabelService',
  'UnannotateClaim',
  'ChangeStatus',
] as const;
export type DamageKind = (typeof DAMAGE_KINDS)[number];

/** `pick`, from 0 to below 1, chooses among what there is at that time. */
export interface Damage {
  readonly kind: DamageKind;
  readonly pick: number;
}

export type Who = 'Leader' | 'Standby';

export type Fault =
  | { readonly kind: 'KillApiServer'; readonly forMs: number }
  | { readonly kind: 'StopEtcd'; readonly forMs: number }
  /** The next process is the same pod's container, or one of a new pod. */
  | { readonly kind: 'KillOperator'; readonly who: Who; readonly newPod: boolean }
  /** `damages` are done as it wakes up, when it and the new leader both see something to do. */
  | { readonly kind: 'PauseLeader'; readonly forMs: number; readonly damages: readonly Damage[] }
  | { readonly kind: 'Cut' | 'HalfOpen'; readonly who: Who; readonly forMs: number }
  | { readonly kind: 'Weather'; readonly faults: readonly HttpFault[]; readonly share: number; readonly forMs: number };

/** How much of everything. */
export interface Shape {
  readonly resources: number;
  readonly seconds: number;
  readonly apiServerKills: number;
  readonly etcdStops: number;
  readonly operatorKills: number;
  readonly pauses: number;
  readonly cuts: number;
  readonly halfOpens: number;
  readonly weathers: number;
  readonly damages: number;
  readonly changes: number;
}

export interface Plan {
  readonly seed: number;
  readonly shape: Shape;
  readonly actions: readonly Planned<UserAction>[];
  readonly damages: readonly Planned<Damage>[];
  readonly faults: readonly Planned<Fault>[];
}

/** Longer than a Lease lasts, so that somebody else has it when the paused one wakes up. */
const PAUSE_MS = [17_000, 20_000] as const;
const AFTER_WAKING_MS = 3_000;
/** So long before a pause nothing begins to fail, so that there is a leader to be paused and another one to follow. */
const BEFORE_PAUSE_MS = 14_000;
const DAMAGES_AT_WAKING = 6;

/** Of 200 resources everything that the long form promises; fewer in proportion, and each at least once. */
export function shapeFor(resources: number): Shape {
  const share = (of200: number) => Math.max(1, Math.round((of200 * resources) / 200));
  return {
    resources,
    seconds: Math.max(60, Math.round(resources * 3.2)),
    apiServerKills: share(10),
    etcdStops: share(3),
    operatorKills: share(50),
    pauses: share(4),
    cuts: share(8),
    halfOpens: share(6),
    weathers: share(10),
    damages: Math.max(DAMAGE_KINDS.length, resources),
    changes: Math.round(resources * 0.8),
  };
}

/** The short form: each kind of fault and damage, in less than a minute. */
export const SHORT: Shape = { ...shapeFor(20), seconds: 40, operatorKills: 3, weathers: 2, changes: 12, damages: 14 };

/** Everything that a run does, drawn from the seed alone. */
export function makePlan(shape: Shape, seed: number): Plan {
  const random = seeded(seed);
  const endMs = shape.seconds * 1000;
  const population = drawPopulation(shape.resources, random);
  return {
    seed,
    shape,
    actions: inOrder(drawActions(population, shape.changes, endMs, random)),
    damages: inOrder(drawDamages(shape.damages, endMs, random)),
    faults: inOrder(drawFaults(shape, endMs, random)),
  };
}

function inOrder<T>(planned: readonly Planned<T>[]): Planned<T>[] {
  return [...planned].sort((left, right) => left.atMs - right.atMs);
}

/** Created in the first eighth, changed until a third of the time is over. */
function drawActions(
  population: readonly Wanted[],
  changes: number,
  endMs: number,
  random: Random,
): Planned<UserAction>[] {
  const creations = population.map((wanted): Planned<UserAction> => {
    return { atMs: Math.floor((random() * endMs) / 8), what: { kind: 'Create', wanted } };
  });
  const [from, to] = [endMs / 7, endMs / 3];
  const gone = new Set<string>();
  const times = Array.from({ length: changes }, () => from + random() * (to - from)).sort((a, b) => a - b);
  const later = times.flatMap((time): Planned<UserAction>[] => {
    const there = population.filter(({ name }) => !gone.has(name));
    const wanted = there[Math.floor(random() * there.length)];
    if (wanted === undefined) return [];
    const what = drawChange(wanted, random);
    if (what.kind === 'Delete') gone.add(wanted.name);
    return [{ atMs: Math.floor(time), what }];
  });
  return [...creations, ...later];
}

/** Kinds whose meaning depends on how they are stay as they are, or come and go. */
const FIXED: readonly VariantName[] = ['unmanaged', 'smallMemory', 'nameTaken', 'claimMissing', 'claimGiven'];

function drawChange(wanted: Wanted, random: Random): UserAction {
  const { name, variant } = wanted;
  const [least, most] = variantOf(variant).replicas;
  const replicas = between(random, least, most);
  const choice = random();
  if (choice < 0.1) return { kind: 'Delete', name };
  if (choice < 0.25 || FIXED.includes(variant)) return { kind: 'Recreate', wanted: { ...wanted, replicas } };
  if (choice < 0.55) return { kind: 'Scale', name, replicas };
  if (choice < 0.8) return { kind: 'Power', name, state: random() < 0.4 ? 'Stopped' : 'Running' };
  return { kind: 'Relabel', name, value: `v${between(random, 0, 999)}` };
}

function drawDamages(count: number, endMs: number, random: Random): Planned<Damage>[] {
  const kinds = Array.from(
    { length: count },
    (_, index) => DAMAGE_KINDS[index] ?? DAMAGE_KINDS[Math.floor(random() * DAMAGE_KINDS.length)] ?? 'DeletePod',
  );
  return shuffled(kinds, random).map((kind) => ({
    atMs: Math.floor(endMs * (0.25 + random() * 0.7)),
    what: { kind, pick: random() },
  }));
}

/**
 * Lanes run side by side; within one, a fault begins when the one before has ended. While the leader is paused, and until
 * it has had time to do wrong, nothing else is struck: another one must be able to lead then.
 */
function drawFaults(shape: Shape, endMs: number, random: Random): Planned<Fault>[] {
  const server: Fault[] = [
    ...times(shape.apiServerKills, (): Fault => ({ kind: 'KillApiServer', forMs: between(random, 500, 9_000) })),
    ...times(shape.etcdStops, (): Fault => ({ kind: 'StopEtcd', forMs: between(random, 2_000, 8_000) })),
  ];
  const operators = times(shape.operatorKills, (): Fault => {
    const who = random() < 0.7 ? 'Leader' : 'Standby';
    return { kind: 'KillOperator', who, newPod: random() < 0.5 };
  });
  const network: Fault[] = [
    ...times(shape.cuts, () => drawNetwork('Cut', random)),
    ...times(shape.halfOpens, () => drawNetwork('HalfOpen', random)),
  ];
  const weather = times(shape.weathers, (index): Fault => {
    const all: readonly HttpFault[] = ['TooManyRequests', 'ServerError', 'LostAnswer', 'SlowAnswer'];
    const faults = index === 0 ? all : shuffled(all, random).slice(0, between(random, 1, 3));
    return { kind: 'Weather', faults, share: 0.2 + random() * 0.3, forMs: between(random, 3_000, 10_000) };
  });
  const pauses = spread(
    times(shape.pauses, () => drawPause(random)),
    endMs,
    random,
  );
  const busy = pauses.reduce((sum, { what }) => sum + BEFORE_PAUSE_MS + lengthOf(what), 0);
  const lanes = [server, operators, network, weather].flatMap((lane) => {
    return spread(shuffled(lane, random), Math.max(0, endMs - busy), random);
  });
  return [...pauses, ...lanes.map((planned) => afterPauses(planned, pauses))];
}

function drawPause(random: Random): Fault {
  const damages = times(DAMAGES_AT_WAKING, (index): Damage => {
    return { kind: index % 2 === 0 ? 'DeleteService' : 'DeletePlan', pick: random() };
  });
  return { kind: 'PauseLeader', forMs: between(random, ...PAUSE_MS), damages };
}

/** Later by the pauses that come before it, each with the calm around it. */
function afterPauses({ atMs, what }: Planned<Fault>, pauses: readonly Planned<Fault>[]): Planned<Fault> {
  let at = atMs;
  for (const pause of pauses) if (at > pause.atMs - BEFORE_PAUSE_MS) at += BEFORE_PAUSE_MS + lengthOf(pause.what);
  return { atMs: at, what };
}

function times<T>(count: number, make: (index: number) => T): T[] {
  return Array.from({ length: count }, (_, index) => make(index));
}

function drawNetwork(kind: 'Cut' | 'HalfOpen', random: Random): Fault {
  return { kind, who: random() < 0.7 ? 'Leader' : 'Standby', forMs: between(random, 1_000, 12_000) };
}

/** Times for a lane: between the faults lies what the time leaves, in parts of the seed's. */
function spread(lane: readonly Fault[], endMs: number, random: Random): Planned<Fault>[] {
  // Most Emulators are on their way by then.
  const begin = Math.min(10_000, endMs / 5);
  const busy = lane.reduce((sum, fault) => sum + lengthOf(fault), 0);
  const parts = lane.map(() => 0.2 + random());
  const whole = parts.reduce((sum, part) => sum + part, 0) + 0.2;
  const free = Math.max(0, endMs - begin - busy);
  let at = begin;
  return lane.map((what, index) => {
    at += ((parts[index] ?? 0) / whole) * free;
    const atMs = Math.floor(at);
    at += lengthOf(what);
    return { atMs, what };
  });
}

export function lengthOf(fault: Fault): number {
  if (fault.kind === 'PauseLeader') return fault.forMs + AFTER_WAKING_MS;
  return 'forMs' in fault ? fault.forMs : 0;
}
