import fc from 'fast-check';
import { expect, test } from 'vitest';
import { takeTurns } from './turns.ts';
import { type WorkConditions, WorkGate } from './work-gate.ts';

/** A queue that says whether it works. */
function fakeQueue() {
  const queue = {
    works: false,
    calls: [] as string[],
    start: () => {
      queue.works = true;
      queue.calls.push('start');
    },
    /** What ends the work in hand. */
    inWork: Promise.resolve(),
    pause: async () => {
      if (queue.works) queue.calls.push('pause');
      queue.works = false;
      await queue.inWork;
    },
  };
  return queue;
}

/** An election whose turns begin and end when the test says so. */
function fakeElection() {
  let acquired = Promise.withResolvers<boolean>();
  let held = Promise.withResolvers<'Lost' | 'Released'>();
  return {
    acquire: () => {
      acquired = Promise.withResolvers();
      return acquired.promise;
    },
    hold: () => {
      held = Promise.withResolvers();
      return held.promise;
    },
    give: (leads: boolean) => acquired.resolve(leads),
    end: (how: 'Lost' | 'Released') => held.resolve(how),
  };
}

async function settle(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
}

function setUp() {
  const [queue, election] = [fakeQueue(), fakeElection()];
  const gate = new WorkGate(queue);
  const turns: boolean[] = [];
  const done = takeTurns({ election, gate, onTurn: (leading) => turns.push(leading) });
  return { queue, election, gate, turns, done };
}

test('work begins when the Lease is had and the caches are filled, whichever comes last', async () => {
  for (const order of [
    ['lease', 'synced'],
    ['synced', 'lease'],
  ]) {
    const { queue, election, gate } = setUp();
    for (const step of order) {
      expect(queue.works).toBe(false);
      if (step === 'lease') election.give(true);
      else await gate.set({ synced: true });
      await settle();
    }
    expect(queue.works).toBe(true);
  }
});

test('a Lease that is lost before the caches are filled begins no work, and the next one does', async () => {
  const { queue, election, gate, turns } = setUp();
  election.give(true);
  await settle();
  election.end('Lost');
  await settle();
  await gate.set({ synced: true });
  expect(queue.calls).toEqual([]);
  expect(turns).toEqual([true, false]);
  election.give(true);
  await settle();
  expect(queue.works).toBe(true);
});

test('who lost the Lease ends its work before it is told, stands by and works again with the next', async () => {
  const { queue, election, gate, turns } = setUp();
  await gate.set({ synced: true });
  for (const turn of [1, 2]) {
    election.give(true);
    await settle();
    expect(queue.works).toBe(true);
    election.end('Lost');
    await settle();
    expect(queue.works).toBe(false);
    expect(turns).toHaveLength(2 * turn);
  }
  expect(queue.calls).toEqual(['start', 'pause', 'start', 'pause']);
});

test('a Lease that can not be renewed pauses the work, and goes on with it when it can', async () => {
  const { queue, election, gate } = setUp();
  await gate.set({ synced: true });
  election.give(true);
  await settle();
  await gate.set({ renewed: false });
  expect(queue.works).toBe(false);
  await gate.set({ renewed: true });
  expect(queue.works).toBe(true);
});

test('a turn that is lost while the Lease could not be renewed ends when the work of before has ended', async () => {
  const { queue, election, gate, turns } = setUp();
  await gate.set({ synced: true });
  election.give(true);
  await settle();
  const work = Promise.withResolvers<void>();
  queue.inWork = work.promise;
  const interrupted = gate.set({ renewed: false });
  election.end('Lost');
  await settle();
  expect(turns).toEqual([true]);
  work.resolve();
  await interrupted;
  await settle();
  expect(turns).toEqual([true, false]);
});

test.each(['acquire', 'hold'] as const)('released while it waits to %s, it takes no other turn', async (where) => {
  const { queue, election, gate, done } = setUp();
  await gate.set({ synced: true });
  if (where === 'hold') {
    election.give(true);
    await settle();
    election.end('Released');
  } else {
    election.give(false);
  }
  await done;
  expect(queue.works).toBe(false);
});

test('whatever comes in whatever order, the queue works exactly while all conditions hold', async () => {
  const change = fc.record(
    { synced: fc.boolean(), leading: fc.boolean(), renewed: fc.boolean() },
    { requiredKeys: [] },
  );
  await fc.assert(
    fc.asyncProperty(fc.array(change), async (changes) => {
      const queue = fakeQueue();
      const gate = new WorkGate(queue);
      let conditions: WorkConditions = { synced: false, leading: false, renewed: true };
      for (const next of changes) {
        conditions = { ...conditions, ...next };
        await gate.set(next);
        expect(queue.works).toBe(conditions.synced && conditions.leading && conditions.renewed);
      }
      expect(queue.calls.every((call, at) => call !== queue.calls[at - 1])).toBe(true);
    }),
  );
});
