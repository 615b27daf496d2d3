import fc from 'fast-check';
import { expect, test } from 'vitest';
import { applyIfChanged } from './apply.ts';
import type { Resource } from './object.ts';
import { type DataObject, type Fields, OwnedObject } from './owned-fields.fixture.ts';
import { Store } from './store.ts';

const CONFIG_MAPS: Resource = { group: '', version: 'v1', plural: 'configmaps', kind: 'ConfigMap' };
const OURS = ['a', 'b', 'c'];
const THEIRS = ['x', 'y'];

const value = fc.constantFrom('1', '2');
const wanted = fc
  .subarray(OURS)
  .chain((fields) => fc.tuple(...fields.map((field) => fc.tuple(fc.constant(field), value))))
  .map((pairs): Fields => Object.fromEntries(pairs));
const step = fc.oneof(
  fc.record({ do: fc.constant('apply' as const), wanted, toldMeanwhile: fc.nat(3) }),
  fc.record({ do: fc.constant('tell' as const), count: fc.integer({ min: 1, max: 4 }) }),
  fc.record({ do: fc.constant('set' as const), field: fc.constantFrom(...OURS, ...THEIRS), value }),
  fc.record({ do: fc.constant('remove' as const) }),
  fc.record({ do: fc.constant('restart' as const) }),
);
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

/** A controller of one object, with a cache that hears of changes when it is told. */
class Controller {
  readonly api = new OwnedObject();
  store = emptyStore();

  tell(count: number): void {
    for (const { type, object } of this.api.told.splice(0, count)) {
      if (type === 'Set') this.store.set(object);
      else this.store.remove(object);
    }
  }

  apply(data: Fields, toldMeanwhile = 0) {
    this.api.onAnswer = () => this.tell(toldMeanwhile);
    const applier = {
      client: this.api.client,
      fieldManager: 'tester',
      hashAnnotation: 'example.org/hash',
      isOurs: () => true,
    };
    return applyIfChanged<DataObject>(applier, CONFIG_MAPS, this.store, {
      metadata: { name: 'a', namespace: 'n' },
      data,
    });
  }

  async run(each: Step): Promise<void> {
    if (each.do === 'apply') await this.apply(each.wanted, each.toldMeanwhile);
    else if (each.do === 'tell') this.tell(each.count);
    else if (each.do === 'set') this.api.set(each.field, each.value);
    else if (each.do === 'remove') this.api.remove();
    else this.#restart();
  }

  #restart(): void {
    this.store = emptyStore();
    this.api.told.length = 0;
    if (this.api.stored !== undefined) this.store.set(this.api.stored);
  }
}

function emptyStore(): Store<DataObject> {
  return new Store<DataObject>({ now: () => 0, onHandlerError: () => undefined });
}

test('whatever others do, and however late the cache is: nothing is made twice, and in the end all is as wanted', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 30 }), wanted, async (steps, last) => {
      const controller = new Controller();
      const { api } = controller;
      for (const each of steps) await controller.run(each);
      controller.tell(Number.POSITIVE_INFINITY);
      const theirs = Object.entries(api.stored?.data ?? {}).filter(([field]) => THEIRS.includes(field));
      await controller.apply(last);
      expect(await controller.apply(last)).toEqual({ outcome: 'Unchanged' });
      controller.tell(Number.POSITIVE_INFINITY);
      const asked = api.requests.length;
      expect(await controller.apply(last)).toEqual({ outcome: 'Unchanged' });
      expect(api.requests.length).toBe(asked);
      expect(api.refusedCreates).toBe(0);
      expect(api.requests).not.toContain('get');
      expect(api.stored?.data).toMatchObject({ ...Object.fromEntries(theirs), ...last });
      expect(api.ownedBy('tester')).toEqual(Object.keys(last).sort());
    }),
    { numRuns: 500 },
  );
});
