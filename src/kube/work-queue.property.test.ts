import fc from 'fast-check';
import { expect, test } from 'vitest';
import { FakeClock, settle } from './fake-clock.ts';
import { WorkQueue, type WorkResult } from './work-queue.ts';
import { Workers } from './workers.ts';

const KEYS = ['a', 'b', 'c'];
const KINDS = ['x', 'y'];
const WORKERS = 2;

type Ending = 'Done' | 'Terminal' | 'Again' | 'throws';

const kind = fc.constantFrom(...KINDS);
const key = fc.constantFrom(...KEYS);
const ms = fc.integer({ min: 0, max: 400 });
const step = fc.oneof(
  fc.record({ do: fc.constant('add' as const), kind, key }),
  fc.record({ do: fc.constant('addAfter' as const), kind, key, ms }),
  fc.record({
    do: fc.constant('end' as const),
    which: fc.nat(5),
    how: fc.constantFrom<Ending>('Done', 'Terminal', 'Again', 'throws'),
    ms,
  }),
  fc.record({ do: fc.constant('advance' as const), ms }),
  fc.record({ do: fc.constant('setWall' as const), ms: fc.constantFrom(3_600_000, -3_600_000) }),
  fc.record({ do: fc.constant('pause' as const), kind }),
  fc.record({ do: fc.constant('start' as const), kind }),
);
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

interface InWork {
  readonly name: string;
  readonly end: (result: WorkResult | Error) => void;
}

/** Queues of two kinds on shared workers, and what must hold of them. */
class Model {
  readonly clock = new FakeClock();
  readonly inWork: InWork[] = [];
  /** Keys with a reason to be worked on that came since their work was begun last. */
  readonly owed = new Set<string>();
  readonly paused = new Set<string>();
  readonly queues: Map<string, WorkQueue>;
  /** What was wrong; work that throws would only be tried again. */
  readonly broken: string[] = [];
  /** Reasons to work on a key that ever came, less the times that its work was begun. */
  readonly #reasons = new Map<string, number>();

  constructor() {
    const workers = new Workers(WORKERS);
    this.queues = new Map(
      KINDS.map((name) => [
        name,
        new WorkQueue({
          workers,
          clock: this.clock,
          random: () => 0.5,
          work: (each) => this.#work(name, each),
          backoff: { firstMs: 50, capMs: 200 },
        }),
      ]),
    );
    for (const queue of this.queues.values()) queue.start();
  }

  #work(kindName: string, each: string): Promise<WorkResult> {
    const name = `${kindName}/${each}`;
    if (this.inWork.some((other) => other.name === name)) this.broken.push(`${name} is in work twice`);
    if (this.inWork.length >= WORKERS) this.broken.push('more in work than there are workers');
    if (this.paused.has(kindName)) this.broken.push(`${name} was begun in a pause`);
    const reasons = this.#reasons.get(name) ?? 0;
    if (reasons < 1) this.broken.push(`${name} was begun without a reason`);
    this.#reasons.set(name, reasons - 1);
    this.owed.delete(name);
    return new Promise((resolve, reject) => {
      const end = (result: WorkResult | Error): void => (result instanceof Error ? reject(result) : resolve(result));
      this.inWork.push({ name, end });
    });
  }

  #owe(name: string): void {
    this.#reasons.set(name, (this.#reasons.get(name) ?? 0) + 1);
    this.owed.add(name);
  }

  async run(each: Step): Promise<void> {
    if (each.do === 'add' || each.do === 'addAfter') {
      this.#owe(`${each.kind}/${each.key}`);
      if (each.do === 'add') this.queues.get(each.kind)?.add(each.key);
      else this.queues.get(each.kind)?.addAfter(each.key, each.ms);
    } else if (each.do === 'pause') {
      this.paused.add(each.kind);
      void this.queues.get(each.kind)?.pause();
    } else if (each.do === 'start') {
      this.paused.delete(each.kind);
      this.queues.get(each.kind)?.start();
    } else if (each.do === 'setWall') this.clock.setWall(each.ms);
    else if (each.do === 'advance') await this.clock.advance(each.ms);
    else if (each.do === 'end') this.end(each.which, each.how, each.ms);
    await settle();
  }

  end(which: number, how: Ending, afterMs: number): void {
    const [work] = this.inWork.splice(which % Math.max(1, this.inWork.length), 1);
    if (work === undefined) return;
    if (how === 'Again' || how === 'throws') this.#owe(work.name);
    if (how === 'throws') work.end(new Error('said the test'));
    else work.end(how === 'Again' ? { outcome: how, afterMs } : { outcome: how, error: undefined });
  }

  /** Ends all work well, with all the time that it takes. */
  async finish(): Promise<void> {
    for (const name of KINDS) await this.run({ do: 'start', kind: name });
    for (let turn = 0; turn < 40; turn += 1) {
      while (this.inWork.length > 0) await this.run({ do: 'end', which: 0, how: 'Done', ms: 0 });
      await this.clock.advance(100);
    }
  }
}

test('whatever happens in whatever order: never two of one key at once, nothing lost, nothing worked on without cause', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
      const model = new Model();
      for (const each of steps) await model.run(each);
      await model.finish();
      expect(model.broken).toEqual([]);
      expect([...model.owed]).toEqual([]);
    }),
    { numRuns: 300 },
  );
});

test('after any history, nothing is begun once a queue is drained, and draining ends with the work', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 40 }), fc.array(step, { maxLength: 20 }), async (before, after) => {
      const model = new Model();
      for (const each of before) await model.run(each);
      const atDrain = model.inWork.length;
      let drained = false;
      const draining = Promise.all([...model.queues.values()].map((queue) => queue.drain())).then(() => {
        drained = true;
      });
      await settle();
      expect(drained).toBe(atDrain === 0);
      // The model refuses any work that begins from here on.
      for (const name of KINDS) model.paused.add(name);
      for (const each of after) if (each.do !== 'start') await model.run(each);
      for (const name of KINDS) model.queues.get(name)?.start();
      while (model.inWork.length > 0) await model.run({ do: 'end', which: 0, how: 'throws', ms: 0 });
      await draining;
      await model.clock.advance(60_000);
      expect(model.broken).toEqual([]);
    }),
    { numRuns: 200 },
  );
});
