import { expect, test } from 'vitest';
import { ApiError } from '../kube/errors.ts';
import { ServedNamespaces } from './served-namespaces.ts';

const KINDS = ['emulators', 'pods'];
const forbidden = new ApiError(403, 'Forbidden', 'pods is forbidden');

/** Caches that are filled when the test says so. */
function setUp(namespaces: readonly string[]) {
  const filled = new Map<string, PromiseWithResolvers<void> & { done: boolean }>();
  const of = (namespace: string, kind: string) => {
    const key = `${namespace}/${kind}`;
    const known = filled.get(key) ?? { ...Promise.withResolvers<void>(), done: false };
    filled.set(key, known);
    return known;
  };
  const informers = KINDS.map((plural) => ({
    resource: { group: '', version: 'v1', plural, kind: plural },
    synced: (namespace: string) => of(namespace, plural).promise,
    hasSynced: (namespace = '') => of(namespace, plural).done,
  }));
  const lines: string[] = [];
  const line = (fields: object, message: string) => lines.push(`${Object.values(fields)[0]}: ${message}`);
  const served = new ServedNamespaces({ informers, namespaces, log: { warn: line, info: line } });
  const told: string[] = [];
  served.start((namespace) => told.push(namespace));
  let isSettled = false;
  void served.settled.then(() => {
    isSettled = true;
  });
  const fill = async (namespace: string, ...kinds: string[]): Promise<void> => {
    for (const kind of kinds) {
      const cache = of(namespace, kind);
      cache.done = true;
      cache.resolve();
    }
    await new Promise((resolve) => setImmediate(resolve));
  };
  const settled = async (): Promise<boolean> => {
    await new Promise((resolve) => setImmediate(resolve));
    return isSettled;
  };
  return { served, told, lines, fill, settled };
}

test('the whole cluster is served when every kind is there, and not for a refusal of one', async () => {
  const { served, told, fill, settled } = setUp([]);
  await fill('', 'emulators');
  served.failed('', forbidden);
  expect([await settled(), served.serves('any'), served.unfilled()]).toEqual([false, false, ['pods']]);
  await fill('', 'pods');
  expect([await settled(), served.serves('any'), served.unfilled(), told]).toEqual([true, true, [], ['']]);
});

test('a namespace that is refused holds up no other, and is served as soon as it can be listed', async () => {
  const { served, told, lines, fill, settled } = setUp(['here', 'gone']);
  served.failed('gone', forbidden);
  served.failed('gone', forbidden);
  expect([await settled(), served.unfilled()]).toEqual([false, KINDS]);
  await fill('here', ...KINDS);
  expect([await settled(), served.serves('here'), served.serves('gone'), served.unfilled()]).toEqual([
    true,
    true,
    false,
    [],
  ]);
  expect(lines).toEqual(['gone: the namespace is not served before it can be listed: pods is forbidden']);
  // Half of what there is would have the other half made a second time.
  await fill('gone', 'emulators');
  expect(served.serves('gone')).toBe(false);
  await fill('gone', 'pods');
  expect([served.serves('gone'), told]).toEqual([true, ['here', 'gone']]);
  expect(lines.at(-1)).toBe('gone: the namespace is served from now on');
});

test('a namespace whose server only does not answer is waited for', async () => {
  const { served, lines, fill, settled } = setUp(['here', 'there']);
  await fill('here', ...KINDS);
  served.failed('there', new ApiError(0, 'Unreachable', 'no answer'));
  served.failed('there', new ApiError(429, 'TooManyRequests', 'later'));
  expect([await settled(), served.unfilled(), lines]).toEqual([false, KINDS, []]);
  await fill('there', ...KINDS);
  expect(await settled()).toBe(true);
});

test('where every namespace is refused none is served, and there is nothing to begin with', async () => {
  const { served, settled } = setUp(['a', 'b']);
  for (const namespace of ['a', 'b']) served.failed(namespace, forbidden);
  expect([await settled(), served.unfilled()]).toEqual([false, KINDS]);
});

test('one that was served goes on being so when it is refused later', async () => {
  const { served, lines, fill } = setUp(['here']);
  await fill('here', ...KINDS);
  served.failed('here', forbidden);
  expect([served.serves('here'), served.unfilled(), lines]).toEqual([true, [], []]);
});
