import fc from 'fast-check';
import { expect, test } from 'vitest';
import { FakeClock } from './fake-clock.ts';
import { FakeLeaseApi, type Health } from './fake-lease-api.ts';
import { LeaderElection } from './lease.ts';

const SLOTS = 3;
const STEP_MS = 500;

const slot = fc.nat(SLOTS - 1);
const step = fc.oneof(
  fc.record({ do: fc.constant('pass' as const), steps: fc.integer({ min: 1, max: 40 }) }),
  fc.record({ do: fc.constant('stop' as const), slot, forSteps: fc.integer({ min: 1, max: 60 }) }),
  fc.record({ do: fc.constant('setWall' as const), slot, byMs: fc.constantFrom(3_600_000, -3_600_000, 5_000) }),
  fc.record({
    do: fc.constant('connection' as const),
    slot,
    health: fc.constantFrom<Health>('Up', 'Down', 'Hangs', 'Mute'),
  }),
  fc.record({ do: fc.constant('server' as const), health: fc.constantFrom<Health>('Up', 'Down', 'Hangs', 'Mute') }),
  fc.record({ do: fc.constant('replace' as const), slot, cleanly: fc.boolean() }),
  fc.record({ do: fc.constant('deleteLease' as const) }),
);
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

/** A process, from its start to its end. */
class Process {
  readonly clock = new FakeClock();
  readonly election: LeaderElection;
  connection: Health = 'Up';
  /** Steps for which it still stands still, and how long it has. */
  stopped = { steps: 0, ms: 0 };
  ended = false;

  constructor(api: FakeLeaseApi, identity: string) {
    this.election = new LeaderElection({
      client: api.client(() => (this.ended ? 'Hangs' : this.connection === 'Up' ? api.health : this.connection)),
      clock: this.clock,
      namespace: 'n',
      name: 'l',
      identity,
      onFailure: () => undefined,
    });
    void this.#run();
  }

  async #run(): Promise<void> {
    while (await this.election.acquire()) if ((await this.election.hold()) === 'Released') return;
  }

  async pass(): Promise<void> {
    if (this.stopped.steps > 0) {
      this.stopped = { steps: this.stopped.steps - 1, ms: this.stopped.ms + STEP_MS };
      return;
    }
    await this.clock.advance(STEP_MS);
  }

  /** Runs again if its time has come: the clocks show what passed, no timer has run yet. */
  wake(): void {
    if (this.stopped.steps > 0 || this.stopped.ms === 0) return;
    this.clock.stall(this.stopped.ms);
    this.stopped = { steps: 0, ms: 0 };
  }

  get mayWrite(): boolean {
    return this.stopped.steps === 0 && this.election.remainingMs() > 0;
  }
}

class World {
  readonly api = new FakeLeaseApi();
  readonly processes = Array.from({ length: SLOTS }, (_, index) => new Process(this.api, `process-${index}`));
  #next = SLOTS;
  most = 0;
  #wasDeleted = false;

  async pass(steps: number): Promise<void> {
    for (let left = steps; left > 0; left -= 1) {
      for (const process of this.processes) {
        await process.pass();
        process.wake();
        this.#look();
      }
    }
  }

  #look(): void {
    this.most = Math.max(this.most, this.processes.filter(({ mayWrite }) => mayWrite).length);
  }

  async run(each: Step): Promise<void> {
    // A process that never knew of a deleted lease would lead before its holder hears of it: see the decision record.
    if (each.do === 'replace' && this.#wasDeleted) await this.pass(30);
    const at = 'slot' in each ? this.processes[each.slot] : undefined;
    if (each.do === 'pass') await this.pass(each.steps);
    else if (each.do === 'server') this.api.health = each.health;
    else if (each.do === 'deleteLease') await this.#deleteLease();
    else if (at === undefined) return;
    else if (each.do === 'stop') at.stopped = { steps: each.forSteps, ms: at.stopped.ms };
    else if (each.do === 'setWall') at.clock.setWall(each.byMs);
    else if (each.do === 'connection') at.connection = each.health;
    else if (each.do === 'replace') this.#replace(each.slot, at, each.cleanly);
    this.#look();
  }

  /**
   * What no process can tell is left out: a lease that it never saw, and one that was made and deleted again between
   * two of its looks.
   */
  async #deleteLease(): Promise<void> {
    const allSee = this.processes.every(({ connection, stopped }) => connection === 'Up' && stopped.steps === 0);
    if (this.#wasDeleted || !allSee || this.api.health !== 'Up') return;
    await this.pass(4);
    this.api.lease = undefined;
    this.#wasDeleted = true;
  }

  #replace(index: number, old: Process, cleanly: boolean): void {
    if (cleanly && old.stopped.steps === 0) void old.election.release();
    else old.ended = true;
    this.processes[index] = new Process(this.api, `process-${this.#next}`);
    this.#next += 1;
  }
}

test('whatever is stopped, cut off, killed or set: never may two write, and one may when all is well again', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 25 }), async (steps) => {
      const world = new World();
      await world.pass(4);
      for (const each of steps) await world.run(each);
      world.api.health = 'Up';
      for (const process of world.processes) {
        process.connection = 'Up';
        process.stopped = { steps: 0, ms: process.stopped.ms };
        process.wake();
      }
      await world.pass(40);
      expect(world.most).toBe(1);
      expect(world.processes.filter(({ mayWrite }) => mayWrite)).toHaveLength(1);
    }),
    { numRuns: 100 },
  );
}, 60_000);
