import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { EmulatorStatus } from '../../api/emulator/schema.ts';
import { restartRequired } from './conditions/restart-required.ts';
import { machineStatuses } from './machine-status.ts';
import { claim, contacts, disk, emulator, NOW, observed, pod, report } from './observed.fixture.ts';
import type { ObservedPod } from './observed.ts';
import { decideRollout } from './rollout.ts';

/**
 * A model of a StatefulSet's machines, which caches see late: whatever order things happen in, the operator that goes by
 * them takes no second machine down.
 */

const MACHINES = 4;

/** A machine's pod as it is at some moment; undefined while there is none. */
interface PodState {
  readonly uid: string;
  readonly revision: number;
  readonly state: keyof typeof SAID | 'Leaving';
}

/** What the machine's agent says in each state. */
const SAID = {
  Starting: { phase: 'Starting' },
  Ready: { phase: 'Running' },
  Paused: { phase: 'Paused', reason: 'VolumeFull' },
  PoweredOff: { phase: 'PoweredOff' },
  DiskFailed: { phase: 'DiskFailed' },
  AwaitingDisk: { phase: 'AwaitingDisk' },
  Importing: { phase: 'AwaitingDisk', progress: { step: 'Importing', doneBytes: 1 } },
} as const;

/** What a machine that isn't Ready is restarted from: no guest of its runs, nobody is at work on it. */
const STUCK: readonly (string | undefined)[] = ['DiskFailed', 'AwaitingDisk'];
/** And after a long time one that doesn't come up, but not one whose guest only waits for its volume. */
const LATE = new Date(NOW.getTime() + 3_600_000);

interface Machine {
  /** Everything that it ever was. */
  readonly history: (PodState | undefined)[];
  /** How much of that the caches have seen. */
  seen: number;
  /** We deleted its pod while it was Ready, and it hasn't been since. */
  takenDown: boolean;
  hasDisk: boolean;
  /** No pod of it can be made, as with a quota. */
  isRefused: boolean;
}

class World {
  readonly machines: Machine[] = Array.from({ length: MACHINES }, (_, ordinal) => ({
    history: [{ uid: `${ordinal}-first`, revision: 0, state: 'Ready' }],
    seen: 1,
    takenDown: false,
    hasDisk: true,
    isRefused: false,
  }));
  revision = 0;
  /** The StatefulSet's controller has said which template is the newest, and the cache has seen it. */
  isRevisionKnown = true;
  #uids = 0;
  readonly #now: Date;
  /** What the last pass stored. */
  #status: EmulatorStatus | undefined;
  /** Ordinals of the claims that say something of a disk. */
  readonly #known = new Set(this.machines.keys());

  /** @param empty ordinals of machines that never had a disk */
  constructor(now: Date, empty: readonly number[] = []) {
    this.#now = now;
    for (const ordinal of empty) {
      const machine = this.machines[ordinal];
      if (machine === undefined) throw new Error(`no machine ${ordinal}`);
      machine.hasDisk = false;
      this.#known.delete(ordinal);
      machine.history.splice(0, 1, { uid: `${ordinal}-first`, revision: 0, state: 'AwaitingDisk' });
    }
  }

  real(machine: Machine): PodState | undefined {
    return machine.history.at(-1);
  }

  set(machine: Machine, state: PodState | undefined): void {
    machine.history.push(state);
    // Who switches a machine off had it back before.
    if (state?.state === 'Ready' || state?.state === 'PoweredOff') machine.takenDown = false;
  }

  /** What comes next by itself: a pod that leaves is gone, one that is gone is made anew, one that starts is Ready. */
  advance(machine: Machine): void {
    const now = this.real(machine);
    this.#uids += 1;
    const made = { uid: `${this.#uids}`, revision: this.revision, state: 'Starting' } as const;
    if (now === undefined) {
      if (!machine.isRefused) this.set(machine, made);
      return;
    }
    if (now.state === 'Importing') machine.hasDisk = true;
    const next = { Starting: machine.hasDisk ? 'Ready' : 'AwaitingDisk', Importing: 'Ready', Paused: 'Ready' } as const;
    const state = next[now.state as keyof typeof next];
    if (now.state === 'Leaving') this.set(machine, undefined);
    else if (state !== undefined) this.set(machine, { ...now, state });
  }

  /** Something happens to a machine's pod, if it is in one of these states. */
  change(machine: Machine, from: readonly PodState['state'][], state: PodState['state']): void {
    const now = this.real(machine);
    if (now === undefined || !from.includes(now.state)) return;
    this.set(machine, { ...now, state });
  }

  /** One pass of an operator that knows nothing but its caches. */
  pass(): void {
    const views = this.machines.map(({ history, seen }) => history[seen - 1]);
    const pods = views.flatMap((state, ordinal) => (state === undefined ? [] : [podOf(ordinal, state)]));
    const of = emulator(
      { replicas: MACHINES, update: 'Rolling' },
      this.#status === undefined ? {} : { status: this.#status },
    );
    const seen = observed(of, {
      pods,
      claims: this.machines.map((_, ordinal) =>
        claim(ordinal, { disk: this.#known.has(ordinal) ? disk(ordinal) : undefined }),
      ),
      contacts: contacts(...views.flatMap((view, ordinal) => (view === undefined ? [] : [reportOf(ordinal, view)]))),
      statefulSet: {
        uid: 's',
        leaving: false,
        scaleMark: MACHINES,
        templateSize: undefined,
        templateUid: undefined,
        templateBytes: undefined,
        updateRevision: this.isRevisionKnown ? `r${this.revision}` : undefined,
      },
    });
    const machines = machineStatuses(seen);
    const rollout = decideRollout(seen, machines, this.#now);
    const said = restartRequired({ observed: seen, machines, rollout, block: undefined, snapshot: undefined });
    this.#status = { machines, conditions: [{ ...said, lastTransitionTime: NOW.toISOString() }] };
    for (const [ordinal, view] of views.entries()) {
      if (view?.state === 'AwaitingDisk' || view?.state === 'Importing') this.#known.delete(ordinal);
      if (view?.state === 'Ready') this.#known.add(ordinal);
    }
    if (rollout?.restart !== undefined) this.#restart(rollout.restart, views);
  }

  #restart({ ordinal, uid, revision }: ObservedPod, views: readonly (PodState | undefined)[]): void {
    const machine = this.machines[ordinal];
    if (machine === undefined) throw new Error(`no machine ${ordinal}`);
    expect(revision).not.toBe(`r${this.revision}`);
    const others = views.filter((view, index) => index !== ordinal && hasPart(view, this.revision));
    // What runs is taken only when everything else does; what doesn't, only where it and all that is down are stuck.
    if (views[ordinal]?.state === 'Ready') expect(others.map((view) => view?.state).filter(isNotReady)).toEqual([]);
    else {
      const stuck = this.#now === LATE ? [...STUCK, 'Starting'] : STUCK;
      expect(stuck).toContain(views[ordinal]?.state);
      for (const view of others.filter((other) => isNotReady(other?.state))) {
        expect(stuck).toContain(view?.state);
        expect(view?.revision).not.toBe(this.revision);
      }
    }
    const now = this.real(machine);
    // The API server's answer, where the cache was late: it is another pod, or another version of it.
    if (now === undefined || now.uid !== uid || machine.seen !== machine.history.length) return;
    if (now.state === 'Ready') machine.takenDown = true;
    // It held the others, and somebody who was told so changed the template again.
    if (now.state === 'AwaitingDisk') machine.takenDown = false;
    this.change(machine, [now.state], 'Leaving');
    machine.seen = machine.history.length;
    expect(this.machines.filter(({ takenDown }) => takenDown).length).toBeLessThanOrEqual(1);
  }
}

function isNotReady(state: PodState['state'] | undefined): boolean {
  return state !== 'Ready';
}

/** Is it waited for? */
function hasPart(view: PodState | undefined, newest: number): boolean {
  if (view?.state === 'PoweredOff' || view?.state === 'Importing') return false;
  return view?.state !== 'AwaitingDisk' || view.revision !== newest;
}

function podOf(ordinal: number, { uid, revision, state }: PodState): ObservedPod {
  return pod(ordinal, { uid, revision: `r${revision}`, ready: state === 'Ready', deleting: state === 'Leaving' });
}

function reportOf(ordinal: number, { uid, state }: PodState) {
  const said = state === 'Leaving' ? { phase: 'Stopping' as const } : SAID[state];
  return report(ordinal, { podUid: uid, ready: state === 'Ready', ...said });
}

const ACTIONS = {
  pass: (world: World) => world.pass(),
  advance: (world: World, machine: Machine) => world.advance(machine),
  see: (_: World, machine: Machine) => {
    machine.seen = Math.min(machine.seen + 1, machine.history.length);
  },
  /** The caches have the StatefulSet with the newest template, and its controller's word on it. */
  known: (world: World) => {
    world.isRevisionKnown = true;
  },
  reboot: (world: World, machine: Machine) => world.change(machine, ['Ready'], 'Starting'),
  pause: (world: World, machine: Machine) => world.change(machine, ['Ready'], 'Paused'),
  off: (world: World, machine: Machine) => world.change(machine, ['Ready'], 'PoweredOff'),
  breaks: (world: World, machine: Machine) => world.change(machine, ['Starting'], 'DiskFailed'),
  empties: (_: World, machine: Machine) => {
    machine.hasDisk = false;
  },
  import: (world: World, machine: Machine) => world.change(machine, ['AwaitingDisk'], 'Importing'),
  refuse: (_: World, machine: Machine) => {
    machine.isRefused = !machine.isRefused;
  },
  delete: (world: World, machine: Machine) => {
    // Who deletes the pod of one that holds the others was told.
    if (world.real(machine)?.state === 'AwaitingDisk') machine.takenDown = false;
    world.change(machine, ['Starting', 'Ready', 'Paused', 'PoweredOff', 'DiskFailed', 'AwaitingDisk'], 'Leaving');
  },
  template: (world: World) => {
    world.revision += 1;
    world.isRevisionKnown = false;
  },
} as const;

type Step = readonly [what: keyof typeof ACTIONS, ordinal: number];

function take(world: World, [what, ordinal]: Step): void {
  const machine = world.machines[ordinal];
  if (machine === undefined) throw new Error(`no machine ${ordinal}`);
  ACTIONS[what](world, machine);
}

const RARE = ['reboot', 'pause', 'off', 'breaks', 'empties', 'import', 'refuse', 'delete', 'template'] as const;

/** All that happens does within a moment, or all of it has been so for long. */
const clock = fc.constantFrom(NOW, LATE);
const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.tuple(
    fc.oneof(
      { weight: 6, arbitrary: fc.constantFrom('pass' as const, 'advance' as const, 'see' as const, 'known' as const) },
      { weight: 1, arbitrary: fc.constantFrom(...RARE) },
    ),
    fc.nat(MACHINES - 1),
  ),
  { minLength: 20, maxLength: 200 },
);

/** Everything happens that is on its way, what is wrong is put right, and the operator sees it. */
function settle(world: World, imports = true): void {
  take(world, ['known', 0]);
  for (const machine of world.machines) machine.isRefused = false;
  for (let round = 0; round < 8 * MACHINES; round += 1) {
    for (const machine of world.machines) {
      if (imports) world.change(machine, ['AwaitingDisk'], 'Importing');
      if (world.real(machine)?.revision === world.revision) world.change(machine, ['DiskFailed'], 'Starting');
      world.advance(machine);
      machine.seen = machine.history.length;
    }
    world.pass();
  }
}

test('never are two machines down because of us, and none is taken while another is not Ready', () => {
  fc.assert(
    fc.property(clock, steps, (now, history) => {
      const world = new World(now);
      for (const step of history) take(world, step);
    }),
    { numRuns: 2_000 },
  );
});

test('whatever happened, each machine runs with the newest template in the end', () => {
  fc.assert(
    fc.property(clock, steps, (now, history) => {
      const world = new World(now);
      for (const step of history) take(world, step);
      settle(world);
      for (const machine of world.machines) {
        // One that its user switched off has the new template when its pod is next deleted.
        if (world.real(machine)?.state === 'PoweredOff') continue;
        expect(world.real(machine)).toMatchObject({ revision: world.revision, state: 'Ready' });
      }
    }),
    { numRuns: 500 },
  );
});

test('machines into which nobody ever imported a disk hold up no other', () => {
  const calm = steps.map((all) => all.filter(([what]) => what !== 'empties' && what !== 'import'));
  fc.assert(
    fc.property(clock, calm, (now, history) => {
      const world = new World(now, [0, 2]);
      for (const step of history) take(world, step);
      settle(world, false);
      for (const machine of world.machines) {
        if (world.real(machine)?.state === 'PoweredOff') continue;
        const state = machine.hasDisk ? 'Ready' : 'AwaitingDisk';
        expect(world.real(machine)).toMatchObject({ revision: world.revision, state });
      }
    }),
    { numRuns: 500 },
  );
});
