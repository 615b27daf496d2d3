import { expect, test } from 'vitest';
import { FakeClock } from './fake-clock.ts';
import { FakeLeaseApi, type Health } from './fake-lease-api.ts';
import { LeaderElection, type LeaseOptions } from './lease.ts';

/** One process that wants to lead, with a clock of its own, and what it heard. */
class Candidate {
  readonly clock = new FakeClock();
  readonly interruptions: boolean[] = [];
  readonly election: LeaderElection;
  ended: 'Lost' | 'Released' | undefined;
  acquired = false;
  /** Of this process' own connection. */
  health: Health | undefined;

  constructor(api: FakeLeaseApi, identity: string, more: Partial<LeaseOptions> = {}) {
    this.election = new LeaderElection({
      client: api.client(() => this.health ?? api.health),
      clock: this.clock,
      namespace: 'n',
      name: 'l',
      identity,
      onInterrupted: (interrupted) => this.interruptions.push(interrupted),
      onFailure: () => undefined,
      ...more,
    });
    this.run();
  }

  run(): void {
    this.acquired = false;
    this.ended = undefined;
    void this.election.acquire().then(async (acquired) => {
      this.acquired = acquired;
      if (acquired) this.ended = await this.election.hold();
    });
  }

  get leads(): boolean {
    return this.election.remainingMs() > 0;
  }
}

/** Lets time pass for some processes together, in small steps. */
async function pass(ms: number, ...candidates: Candidate[]): Promise<void> {
  for (let left = ms; left > 0; left -= 100) {
    for (const { clock } of candidates) await clock.advance(Math.min(100, left));
  }
}

/** Steps of 100 ms until something holds. */
async function until(holds: () => boolean, ...candidates: Candidate[]): Promise<number> {
  for (let ms = 0; ms <= 60_000; ms += 100) {
    if (holds()) return ms;
    await pass(100, ...candidates);
  }
  throw new Error('it did not come about within a minute');
}

async function leader(more: Partial<LeaseOptions> = {}) {
  const api = new FakeLeaseApi();
  const first = new Candidate(api, 'one', more);
  await pass(0.5, first);
  expect(first.leads).toBe(true);
  return { api, first };
}

test('the first leads at once, with two requests', async () => {
  const { api } = await leader();
  expect(api.requests).toEqual(['get', 'post']);
  expect(api.lease?.spec).toMatchObject({ holderIdentity: 'one', leaseDurationSeconds: 12, leaseTransitions: 1 });
});

test('a leader renews every 2 s and asks nothing else', async () => {
  const { api, first } = await leader();
  await pass(60_000, first);
  expect(api.requests.slice(2)).toEqual(Array(30).fill('replace'));
  expect(first.interruptions).toEqual([]);
});

test('the second leads when the first gives the lease back, within a second', async () => {
  const { api, first } = await leader();
  const second = new Candidate(api, 'two');
  await pass(60_000, first, second);
  expect([first.leads, second.leads]).toEqual([true, false]);
  await first.election.release();
  expect([first.leads, first.ended]).toEqual([false, 'Released']);
  expect(await until(() => second.leads, second)).toBeLessThanOrEqual(1_000);
  expect(api.lease?.spec).toMatchObject({ holderIdentity: 'two', leaseTransitions: 2 });
});

test('a leader that ends without giving the lease back writes nothing more, and the second waits until it has run out', async () => {
  const { api, first } = await leader();
  const second = new Candidate(api, 'two');
  await pass(10_000, first, second);
  const asked = api.requests.length;
  await first.election.abandon();
  expect([first.leads, first.ended]).toEqual([false, 'Released']);
  expect(api.requests).toHaveLength(asked);
  expect(await until(() => second.leads, second)).toBeGreaterThanOrEqual(10_000);
});

test('a holder that went silent is followed when its lease has run out on our own clock, not before', async () => {
  const { api, first } = await leader();
  const second = new Candidate(api, 'two');
  await pass(10_000, first, second);
  const silentMs = await until(() => second.leads, second);
  expect(silentMs).toBeGreaterThanOrEqual(12_000);
  expect(silentMs).toBeLessThanOrEqual(13_100);
});

test('a process that is known to be dead is followed at once, and no other', async () => {
  const { api } = await leader();
  const isPredecessor = (holder: string): boolean => holder === 'one';
  const again = new Candidate(api, 'again', { isPredecessor });
  await pass(100, again);
  expect(again.leads).toBe(true);
  const stranger = new Candidate(api, 'stranger', { isPredecessor });
  await pass(5_000, again, stranger);
  expect(stranger.leads).toBe(false);
});

test('a lease that its holder does not hear to have got is still its own', async () => {
  const { api, first } = await leader();
  api.health = 'Mute';
  await pass(3_000, first);
  api.health = 'Up';
  await pass(3_000, first);
  expect([first.leads, first.ended]).toEqual([true, undefined]);
  expect(api.lease?.spec.leaseTransitions).toBe(1);
});

test.each(['Down', 'Hangs'] as const)(
  'while the API server is away (%s) the fence closes after 8 s, nobody ends, and work goes on with its return',
  async (health) => {
    const { api, first } = await leader();
    const second = new Candidate(api, 'two');
    await pass(10_000, first, second);
    api.health = health;
    await pass(7_900, first, second);
    expect([first.leads, first.interruptions]).toEqual([true, []]);
    await pass(100, first, second);
    expect([first.leads, first.interruptions]).toEqual([false, [true]]);
    await pass(120_000, first, second);
    expect([first.leads, second.leads, first.ended]).toEqual([false, false, undefined]);
    api.health = 'Up';
    expect(await until(() => first.leads, first, second)).toBeLessThanOrEqual(3_500);
    expect([first.interruptions, first.ended, second.leads]).toEqual([[true, false], undefined, false]);
    expect(api.lease?.spec.leaseTransitions).toBe(1);
  },
);

test('an outage is told of once, however often it is tried in vain, and so is the next', async () => {
  const failures: string[] = [];
  const { api, first } = await leader({ onFailure: (error) => failures.push(String(error)) });
  for (let outage = 0; outage < 2; outage += 1) {
    api.health = 'Down';
    await pass(60_000, first);
    api.health = 'Up';
    await pass(5_000, first);
  }
  expect(failures).toHaveLength(2);
});

test('a leader that alone is cut off is followed, hears so when it is back, and waits for its next turn', async () => {
  const { api, first } = await leader();
  const second = new Candidate(api, 'two');
  await pass(10_000, first, second);
  first.health = 'Hangs';
  await until(() => second.leads, first, second);
  expect(first.leads).toBe(false);
  first.health = 'Up';
  await until(() => first.ended === 'Lost', first, second);
  first.run();
  await pass(30_000, first, second);
  expect([first.leads, second.leads]).toEqual([false, true]);
  expect(first.interruptions).toEqual([true]);
  await second.election.release();
  expect(await until(() => first.leads, first)).toBeLessThanOrEqual(1_000);
  expect(first.interruptions).toEqual([true, false]);
});

test('a lease that somebody deleted stays with its holder, and who waits lets it run out all the same', async () => {
  const { api, first } = await leader();
  const second = new Candidate(api, 'two');
  await pass(10_500, first, second);
  api.lease = undefined;
  await pass(20_000, first, second);
  expect([first.leads, second.leads, api.lease]).toMatchObject([true, false, { spec: { holderIdentity: 'one' } }]);
  api.lease = undefined;
  const silentMs = await until(() => second.leads, second);
  expect(silentMs).toBeGreaterThanOrEqual(12_000);
});

test('a lease that was deleted while its holder stood still is lost', async () => {
  const { api, first } = await leader();
  api.lease = undefined;
  first.clock.stall(30_000);
  await pass(100, first);
  expect([first.leads, first.ended]).toEqual([false, 'Lost']);
});

test('a lease that is given back while its renewal hangs is free at once all the same', async () => {
  const { api, first } = await leader();
  first.health = 'Hangs';
  await pass(2_100, first);
  const released = first.election.release();
  first.health = 'Up';
  await pass(3_000, first);
  await released;
  expect(first.ended).toBe('Released');
  expect(api.lease?.spec.holderIdentity).toBe('');
});

test('a lease is given back although its holder did not hear of its last renewal', async () => {
  const { api, first } = await leader();
  api.health = 'Mute';
  await pass(2_000, first);
  api.health = 'Up';
  await first.election.release();
  expect(api.lease?.spec.holderIdentity).toBe('');
});

test('who waits can be told to stop waiting', async () => {
  const { api, first } = await leader();
  const second = new Candidate(api, 'two');
  await pass(5_000, first, second);
  await second.election.release();
  await pass(60_000, second);
  expect([second.acquired, second.leads, api.lease?.spec.holderIdentity]).toEqual([false, false, 'one']);
});

test.each([3_600_000, -3_600_000])(
  'clocks set by %i ms: no leader changes, and the fence is closed until the next renewal',
  async (byMs) => {
    const { api, first } = await leader();
    const second = new Candidate(api, 'two');
    await pass(10_500, first, second);
    for (const { clock } of [first, second]) clock.setWall(byMs);
    expect(first.leads).toBe(false);
    await pass(2_000, first, second);
    expect([first.leads, first.ended]).toEqual([true, undefined]);
    await pass(60_000, first, second);
    expect([first.leads, second.leads, api.lease?.spec.leaseTransitions]).toEqual([true, false, 1]);
  },
);

test('a machine that was frozen with its monotonic clock finds the fence closed as soon as its wall clock is right', async () => {
  const { api, first } = await leader();
  const second = new Candidate(api, 'two');
  await pass(10_000, first, second);
  await until(() => second.leads, second);
  first.clock.setWall(12_000);
  expect(first.leads).toBe(false);
  await until(() => first.ended === 'Lost', first, second);
});

test('after a pause beyond the lease nothing may be written, not even before the first timer has run', async () => {
  const { api, first } = await leader();
  const second = new Candidate(api, 'two');
  await pass(10_000, first, second);
  const pausedMs = await until(() => second.leads, second);
  first.clock.stall(pausedMs);
  expect(first.leads).toBe(false);
  await pass(1_000, first, second);
  expect([first.ended, first.leads, second.leads]).toEqual(['Lost', false, true]);
});

test('after a pause in which nobody took the lease the leader goes on', async () => {
  const { first } = await leader();
  first.clock.stall(30_000);
  expect(first.leads).toBe(false);
  await pass(100, first);
  expect([first.leads, first.ended]).toEqual([true, undefined]);
  expect(first.interruptions).toEqual([true, false]);
});
