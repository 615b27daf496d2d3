import { afterEach, expect, test, vi } from 'vitest';
import {
  answer,
  breaking,
  endOfList,
  event,
  failWith,
  list,
  pod,
  type Script,
  type Setting,
  startReflector,
  watching,
} from './reflector.fixture.ts';

const open: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const close of open.splice(0)) await close();
});

/** Longer than vitest's second, for a machine that has other things to do. */
const waitFor = (check: () => void): Promise<void> => vi.waitFor(check, 10_000);

async function start(script: Script, setting?: Setting) {
  const started = await startReflector(script, setting);
  open.push(started.close);
  return started;
}

test('what is there is streamed as the beginning of a watch, which goes on with what changes', async () => {
  const { names, kinds, queries } = await start({
    streams: [
      watching(
        event('ADDED', pod('a', '3')),
        event('ADDED', pod('b', '5')),
        endOfList('10'),
        event('DELETED', pod('a', '11')),
        event('ADDED', pod('c', '12')),
      ),
    ],
  });
  await waitFor(() => expect(names()).toEqual(['b', 'c']));
  expect(kinds()).toEqual(['Stream']);
  expect(queries('Stream')[0]).toMatchObject({
    watch: 'true',
    allowWatchBookmarks: 'true',
    sendInitialEvents: 'true',
    resourceVersionMatch: 'NotOlderThan',
  });
  expect(queries('Stream')[0]).not.toHaveProperty('resourceVersion');
});

test('it has synced when the stream says that this was all, and nothing of a list is seen before', async () => {
  let end = (): void => undefined;
  const { reflector, store, server } = await start({
    streams: [
      (response, query, request) => {
        watching(event('ADDED', pod('a', '3')))(response, query, request);
        end = () => response.write(endOfList('10'));
      },
    ],
  });
  await waitFor(() => expect(server.requests).toHaveLength(1));
  await new Promise(setImmediate);
  expect([reflector.hasSynced, store.size]).toEqual([false, 0]);
  end();
  await reflector.synced;
  expect([reflector.hasSynced, store.size]).toEqual([true, 1]);
});

test.each([
  ['422 Invalid, as kube-apiserver does without its feature WatchList', failWith(422, 'Invalid')],
  ['400 BadRequest', failWith(400, 'BadRequest')],
  ['403 Forbidden', failWith(403, 'Forbidden')],
])(
  'a server that refuses to stream a list with %s is asked for pages at once, and not to stream again',
  async (_answer, refusal) => {
    const { names, kinds, failures, queries } = await start({
      streams: [refusal],
      lists: [answer(list('10', [pod('a', '1')])), answer(list('20', [pod('b', '15')]))],
      watches: [failWith(410, 'Expired'), watching()],
    });
    await waitFor(() => expect(names()).toEqual(['b']));
    await waitFor(() => expect(kinds()).toEqual(['Stream', 'List', 'Watch', 'List', 'Watch']));
    expect(queries('Watch').map(({ resourceVersion }) => resourceVersion)).toEqual(['10', '20']);
    expect(failures).toHaveLength(1);
  },
);

test('a server that takes the wish for a stream for a watch like any other is asked for pages', async () => {
  const { names, kinds } = await start({
    streams: [watching(event('ADDED', pod('a', '3')), event('BOOKMARK', pod('', '9')))],
    lists: [answer(list('10', [pod('a', '3'), pod('b', '4')]))],
    watches: [watching()],
  });
  await waitFor(() => expect(names()).toEqual(['a', 'b']));
  expect(kinds().slice(0, 2)).toEqual(['Stream', 'List']);
});

test('a server that never says that this was all is asked for pages', async () => {
  const { names, kinds } = await start(
    {
      streams: [watching(event('ADDED', pod('a', '3')))],
      lists: [answer(list('10', [pod('b', '4')]))],
      watches: [watching()],
    },
    { idleTimeoutMs: 60 },
  );
  await waitFor(() => expect(names()).toEqual(['b']));
  expect(kinds().slice(0, 2)).toEqual(['Stream', 'List']);
});

test('who may not list at all is asked to stream again, once somebody allowed it', async () => {
  const { names, kinds } = await start({
    streams: [failWith(403, 'Forbidden'), watching(event('ADDED', pod('a', '3')), endOfList('10'))],
    lists: [failWith(403, 'Forbidden')],
  });
  await waitFor(() => expect(names()).toEqual(['a']));
  expect(kinds()).toEqual(['Stream', 'List', 'Stream']);
});

test('a stream that breaks in the middle of a list begins anew, and what it had said does not count', async () => {
  const { names, kinds } = await start({
    streams: [breaking(event('ADDED', pod('gone', '3'))), watching(event('ADDED', pod('a', '5')), endOfList('10'))],
  });
  await waitFor(() => expect(names()).toEqual(['a']));
  expect(kinds()).toEqual(['Stream', 'Stream']);
});

test('a stream that a server ends in the middle of a list begins anew after a pause, as a stream', async () => {
  const { names, kinds, failures } = await start({
    streams: [
      (response) => response.writeHead(200).end(event('ADDED', pod('gone', '3'))),
      watching(event('ADDED', pod('a', '5')), endOfList('10')),
    ],
  });
  await waitFor(() => expect(names()).toEqual(['a']));
  expect(kinds()).toEqual(['Stream', 'Stream']);
  expect(failures).toHaveLength(1);
});

test('all pages of a list arrive as one', async () => {
  const { reflector, names, changes, queries } = await start({
    lists: [answer(list('1', [pod('a', '1')], 'page-2')), answer(list('1', [pod('b', '1')]))],
  });
  await reflector.synced;
  expect(names()).toEqual(['a', 'b']);
  expect(changes).toHaveLength(2);
  expect(queries('List')).toEqual([{ limit: '250' }, { limit: '250', continue: 'page-2' }]);
});

test('a watch begins at the version of the list and keeps the store up to date', async () => {
  const { names, queries } = await start({
    lists: [answer(list('10', [pod('a', '1'), pod('b', '2')]))],
    watches: [watching(event('ADDED', pod('c', '11')), event('DELETED', pod('a', '12')))],
  });
  await waitFor(() => expect(names()).toEqual(['b', 'c']));
  expect(queries('Watch')[0]).toMatchObject({ resourceVersion: '10' });
});

test('a watch that breaks is taken up from the last version that was seen, bookmarks included', async () => {
  const { kinds, queries, names } = await start({
    streams: [breaking(endOfList('10'), event('ADDED', pod('a', '11')), event('BOOKMARK', pod('', '20')))],
    watches: [watching(event('ADDED', pod('b', '21')))],
  });
  await waitFor(() => expect(names()).toEqual(['a', 'b']));
  expect(queries('Watch')[0]).toMatchObject({ resourceVersion: '20' });
  expect(kinds()).toEqual(['Stream', 'Watch']);
});

test('an event that was cut in the middle is not taken, and comes whole with the next watch', async () => {
  const { names, queries } = await start({
    streams: [breaking(endOfList('10'), event('ADDED', pod('a', '11')), event('ADDED', pod('b', '12')).slice(0, 30))],
    watches: [watching(event('ADDED', pod('b', '12')))],
  });
  await waitFor(() => expect(names()).toEqual(['a', 'b']));
  expect(queries('Watch')[0]).toMatchObject({ resourceVersion: '11' });
});

test('a handler that throws does not end the watch', async () => {
  const { names, store, handlerErrors, failures } = await start({
    streams: [watching(endOfList('10'), event('ADDED', pod('a', '11')), event('ADDED', pod('b', '12')))],
  });
  store.onChange(() => {
    throw new Error('broken handler');
  });
  await waitFor(() => expect(names()).toEqual(['a', 'b']));
  expect([handlerErrors.length, failures.length]).toEqual([2, 0]);
});

test('it tells of each list and each watch that it begins', async () => {
  const sessions: string[] = [];
  const { reflector, kinds } = await start(
    {},
    { onSession: ({ resource, kind }) => sessions.push(`${kind} ${resource}`) },
  );
  await reflector.synced;
  await waitFor(() => expect(kinds()).toEqual(['Stream', 'List', 'Watch']));
  expect(sessions).toEqual(['Stream pods', 'List pods', 'Watch pods']);
});

test('after it was stopped nothing is asked any more', async () => {
  const { reflector, asked, failures } = await start({ streams: [watching(endOfList('10'))] });
  await reflector.synced;
  await reflector.stop();
  expect([asked.length, failures.length]).toEqual([1, 0]);
});
