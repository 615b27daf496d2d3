import fc from 'fast-check';
import { expect, test } from 'vitest';
import { machineStatuses } from './machine-status.ts';
import { contacts, emulator, NOW, observed, pod, report } from './observed.fixture.ts';
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
  readonly state: 'Starting' | 'Ready' | 'Leaving';
}

interface Machine {
  /** Everything that it ever was. */
  readonly history: (PodState | undefined)[];
  /** How much of that the caches have seen. */
  seen: number;
  /** We deleted its pod while it was Ready, and it hasn't been since. */
  takenDown: boolean;
}

class World {
  readonly machines: Machine[] = Array.from({ length: MACHINES }, (_, ordinal) => ({
    history: [{ uid: `${ordinal}-first`, revision: 0, state: 'Ready' }],
    seen: 1,
    takenDown: false,
  }));
  revision = 0;
  /** The StatefulSet's controller has said which template is the newest, and the cache has seen it. */
  isRevisionKnown = true;
  #uids = 0;

  real(machine: Machine): PodState | undefined {
    return machine.history.at(-1);
  }

  set(machine: Machine, state: PodState | undefined): void {
    machine.history.push(state);
    if (state?.state === 'Ready') machine.takenDown = false;
  }

  /** What comes next by itself: a pod that leaves is gone, one that is gone is made anew, one that starts is Ready. */
  advance(machine: Machine): void {
    const now = this.real(machine);
    this.#uids += 1;
    if (now === undefined) this.set(machine, { uid: `${this.#uids}`, revision: this.revision, state: 'Starting' });
    else if (now.state === 'Leaving') this.set(machine, undefined);
    else if (now.state === 'Starting') this.set(machine, { ...now, state: 'Ready' });
  }

  change(machine: Machine, state: 'Starting' | 'Leaving'): void {
    const now = this.real(machine);
    if (now !== undefined && now.state !== 'Leaving') this.set(machine, { ...now, state });
  }

  /** One pass of an operator that knows nothing but its caches. */
  pass(): void {
    const views = this.machines.map(({ history, seen }) => history[seen - 1]);
    const pods = views.flatMap((state, ordinal) => (state === undefined ? [] : [podOf(ordinal, state)]));
    const seen = observed(emulator({ replicas: MACHINES, update: 'Rolling' }), {
      pods,
      contacts: contacts(...pods.map(({ uid, ready, ordinal }) => report(ordinal, { podUid: uid, ready }))),
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
    const restart = decideRollout(seen, machineStatuses(seen), NOW)?.restart;
    if (restart !== undefined) this.#restart(restart, views);
  }

  #restart({ ordinal, uid, revision }: ObservedPod, views: readonly (PodState | undefined)[]): void {
    const machine = this.machines[ordinal];
    if (machine === undefined) throw new Error(`no machine ${ordinal}`);
    expect(revision).not.toBe(`r${this.revision}`);
    const others = views.filter((_, index) => index !== ordinal);
    // What runs is taken only when everything else does; what doesn't, only when all that is down is outdated.
    if (views[ordinal]?.state === 'Ready') expect(others.every((view) => view?.state === 'Ready')).toBe(true);
    else
      expect(others.filter((view) => view?.state !== 'Ready').map((view) => view?.revision)).not.toContain(
        this.revision,
      );
    const now = this.real(machine);
    // The API server's answer, where the cache was late: it is another pod, or leaving already.
    if (now === undefined || now.uid !== uid) return;
    if (now.state === 'Ready') machine.takenDown = true;
    this.change(machine, 'Leaving');
    machine.seen = machine.history.length;
    expect(this.machines.filter(({ takenDown }) => takenDown).length).toBeLessThanOrEqual(1);
  }
}

function podOf(ordinal: number, { uid, revision, state }: PodState): ObservedPod {
  return pod(ordinal, { uid, revision: `r${revision}`, ready: state === 'Ready', deleting: state === 'Leaving' });
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
  fail: (world: World, machine: Machine) => world.change(machine, 'Starting'),
  delete: (world: World, machine: Machine) => world.change(machine, 'Leaving'),
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

const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.tuple(
    fc.oneof(
      { weight: 6, arbitrary: fc.constantFrom('pass' as const, 'advance' as const, 'see' as const, 'known' as const) },
      { weight: 1, arbitrary: fc.constantFrom('fail' as const, 'delete' as const, 'template' as const) },
    ),
    fc.nat(MACHINES - 1),
  ),
  { minLength: 20, maxLength: 200 },
);

/** Everything happens that is on its way, and the operator sees it. */
function settle(world: World): void {
  take(world, ['known', 0]);
  for (let round = 0; round < 8 * MACHINES; round += 1) {
    for (const machine of world.machines) {
      world.advance(machine);
      machine.seen = machine.history.length;
    }
    world.pass();
  }
}

test('never are two machines down because of us, and none is taken while another is not Ready', () => {
  fc.assert(
    fc.property(steps, (history) => {
      const world = new World();
      for (const step of history) take(world, step);
    }),
    { numRuns: 2_000 },
  );
});

test('whatever happened, each machine runs with the newest template in the end', () => {
  fc.assert(
    fc.property(steps, (history) => {
      const world = new World();
      for (const step of history) take(world, step);
      settle(world);
      for (const machine of world.machines) {
        expect(world.real(machine)).toMatchObject({ revision: world.revision, state: 'Ready' });
      }
    }),
    { numRuns: 500 },
  );
});
