import fc from 'fast-check';
import { expect, test } from 'vitest';
import { FakeClock } from './fake-clock.ts';
import { ModelServer, numberOf } from './model-server.fixture.ts';
import type { KubeObject } from './object.ts';
import { PODS } from './reflector.fixture.ts';
import { Reflector } from './reflector.ts';
import { type Change, Store } from './store.ts';

const NAMES = ['a', 'b', 'c'] as const;
const name = fc.constantFrom(...NAMES);

const history = fc.oneof(
  { weight: 6, arbitrary: fc.record({ do: fc.constant('put' as const), name }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('remove' as const), name }) },
  { weight: 2, arbitrary: fc.constant({ do: 'compact' as const }) },
  { weight: 1, arbitrary: fc.constant({ do: 'restart' as const }) },
  { weight: 3, arbitrary: fc.constant({ do: 'disconnect' as const }) },
  { weight: 3, arbitrary: fc.constant({ do: 'hold' as const }) },
  { weight: 3, arbitrary: fc.constant({ do: 'deliver' as const }) },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('fail' as const),
      fault: fc.constantFrom('Refused', 'Unreachable', 'Unavailable', 'CutEarly'),
    }),
  },
  { weight: 6, arbitrary: fc.record({ do: fc.constant('wait' as const), ms: fc.constantFrom(0, 100, 1_000, 5_000) }) },
);

const ownHistory = fc.oneof(
  { weight: 2, arbitrary: history },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('ownPut' as const), name }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('ownRemove' as const), name }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('answer' as const), last: fc.boolean() }) },
);

type Step = Parameters<Parameters<typeof ownHistory.map>[0]>[0];

/** The model's promises and the reflector's go through several turns. */
async function settled(): Promise<void> {
  for (let turn = 0; turn < 3; turn += 1) await new Promise(setImmediate);
}

class World {
  readonly server: ModelServer;
  readonly clock = new FakeClock();
  readonly store = new Store<KubeObject>({
    now: () => this.clock.monotonic(),
    onHandlerError: (error) => {
      throw error;
    },
  });
  readonly reflector: Reflector<KubeObject>;
  /** What a handler that believes every change has come to know. */
  readonly told = new Map<string, KubeObject>();
  readonly changes: Change<KubeObject>[] = [];
  /** Answers to our own writes that are still on their way. */
  readonly #answers: (() => void)[] = [];
  readonly #writes: Promise<unknown>[] = [];
  readonly #opaque: boolean;
  /** The latest of our writes that were answered. */
  readonly #written = new Map<string, { version: number; uid: string | undefined; at: number }>();

  constructor(kind: { streams: boolean; opaque: boolean }) {
    this.server = new ModelServer(kind);
    this.#opaque = kind.opaque;
    this.store.addIndex('name', ({ metadata }) => [metadata.name]);
    this.store.onChange((change) => {
      this.changes.push(change);
      const key = `n/${(change.after ?? change.before)?.metadata.name}`;
      if (change.after === undefined) this.told.delete(key);
      else this.told.set(key, change.after);
    });
    this.reflector = new Reflector<KubeObject>({
      client: {
        list: (...list: [unknown, number, string?]) => this.server.list(...list) as never,
        watch: (_scope, options) => this.server.watch(options) as never,
      },
      scope: { resource: PODS, namespace: '' },
      store: this.store,
      clock: this.clock,
      random: () => 0.5,
      onFailure: () => undefined,
    });
    this.reflector.start();
  }

  async step(step: Step): Promise<void> {
    if (step.do === 'put') this.server.put(step.name);
    if (step.do === 'remove') this.server.remove(step.name);
    if (step.do === 'compact') this.server.compact();
    if (step.do === 'disconnect') this.server.disconnect();
    if (step.do === 'restart') {
      this.server.disconnect();
      this.server.compact();
    }
    if (step.do === 'fail') this.server.failNext(step.fault as 'Refused');
    if (step.do === 'ownPut') this.#ownPut(step.name);
    if (step.do === 'ownRemove') this.#ownRemove(step.name);
    if (step.do === 'hold') this.server.hold();
    if (step.do === 'deliver') this.server.deliver();
    // Which of two answers is the later one can be told by their versions alone.
    if (step.do === 'answer') (step.last && !this.#opaque ? this.#answers.pop() : this.#answers.shift())?.();
    if (step.do === 'wait') await this.clock.advance(step.ms);
    await settled();
    for (const name of NAMES) {
      const object = this.store.get(`n/${name}`);
      const alone = object === undefined ? [] : [object];
      expect([...this.store.values()].filter(({ metadata }) => metadata.name === name)).toEqual(alone);
      expect(this.store.byIndex('name', name)).toEqual(alone);
      this.#expectNotBefore(name, object);
    }
  }

  /** Lets everything arrive, within less time than a stand-in lasts. */
  async end(): Promise<void> {
    this.server.heal();
    for (const answer of this.#answers.splice(0)) answer();
    await Promise.all(this.#writes);
    for (let turn = 0; turn < 4; turn += 1) {
      await this.clock.advance(5_000);
      await settled();
    }
  }

  /** Lets the time pass after which nothing stands in for anything. */
  async endOfStandIns(): Promise<void> {
    await this.clock.advance(30_000);
    this.store.expire();
  }

  async close(): Promise<void> {
    this.server.deliver();
    await this.reflector.stop();
  }

  #answered(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#answers.push(resolve);
    return promise;
  }

  #ownPut(name: string): void {
    const write = this.store.ownWrite(`n/${name}`, async () => {
      const written = this.server.put(name);
      await this.#answered();
      return written;
    });
    this.#writes.push(
      write.then(({ metadata }) => {
        const version = numberOf(metadata.resourceVersion ?? '');
        if (version < (this.#written.get(name)?.version ?? 0)) return;
        this.#written.set(name, { version, uid: metadata.uid, at: this.clock.monotonic() });
      }),
    );
  }

  #ownRemove(name: string): void {
    const deletion = this.store.ownDelete(`n/${name}`, async () => {
      const known = this.store.get(`n/${name}`);
      const there = this.server.objects.get(`n/${name}`);
      const outcome =
        there === undefined ? 'NotFound' : there.metadata.uid === known?.metadata.uid ? 'Deleted' : 'Replaced';
      if (outcome === 'Deleted') this.server.remove(name);
      await this.#answered();
      return outcome;
    });
    this.#writes.push(deletion);
  }

  /** Whoever wrote never sees what was before, from the answer on, for as long as a stand-in lasts. */
  #expectNotBefore(name: string, seen: KubeObject | undefined): void {
    const written = this.#written.get(name);
    if (written === undefined || this.clock.monotonic() - written.at >= 30_000) return;
    if (seen !== undefined) {
      expect(numberOf(seen.metadata.resourceVersion ?? '')).toBeGreaterThanOrEqual(written.version);
    } else expect(this.server.objects.get(`n/${name}`)?.metadata.uid).not.toBe(written.uid);
  }
}

const versions = (objects: Iterable<KubeObject>): Record<string, string | undefined> =>
  Object.fromEntries([...objects].map(({ metadata }) => [metadata.name, metadata.resourceVersion]).sort());

const kind = fc.record({ streams: fc.boolean(), opaque: fc.boolean() });
const long = { minLength: 5, maxLength: 50, size: 'max' } as const;

test('after any history of changes and faults the store holds what the server has, and so does who believed its changes', async () => {
  await fc.assert(
    fc.asyncProperty(kind, fc.array(history, long), async (server, steps) => {
      const world = new World(server);
      try {
        for (const step of steps) await world.step(step);
        await world.end();
        expect(versions(world.store.values())).toEqual(versions(world.server.objects.values()));
        expect(versions(world.told.values())).toEqual(versions(world.server.objects.values()));
        expectChain(world.changes);
      } finally {
        await world.close();
      }
    }),
    { numRuns: 200 },
  );
});

/** Each change begins where the last one of that object ended, and leads to something later. */
function expectChain(changes: readonly Change<KubeObject>[]): void {
  const known = new Map<string, string | undefined>();
  for (const { before, after } of changes) {
    const of = (after ?? before)?.metadata.name ?? '';
    expect(before?.metadata.resourceVersion).toBe(known.get(of));
    known.set(of, after?.metadata.resourceVersion);
    if (before === undefined || after === undefined) continue;
    const [old = 0, now = 0] = [before, after].map(({ metadata }) => numberOf(metadata.resourceVersion ?? ''));
    expect(now).toBeGreaterThan(old);
  }
}

test('with writes of our own on their way nobody sees what was before them, and all is true in the end', async () => {
  await fc.assert(
    fc.asyncProperty(kind, fc.array(ownHistory, long), async (server, steps) => {
      const world = new World(server);
      try {
        for (const step of steps) await world.step(step);
        await world.end();
        // Where versions can't be compared, time alone may have to settle what a list has passed over.
        if (server.opaque) await world.endOfStandIns();
        const { store, told } = world;
        expect(versions(store.values())).toEqual(versions(world.server.objects.values()));
        expect(versions(told.values())).toEqual(versions(world.server.objects.values()));
      } finally {
        await world.close();
      }
    }),
    { numRuns: 200 },
  );
});
