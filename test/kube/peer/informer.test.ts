import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { afterEach, expect, test, vi } from 'vitest';
import {
  answer,
  breaking,
  event,
  failWith,
  list,
  pod,
  type Reply,
  startReflector,
  watching,
} from '../../../src/kube/reflector.fixture.ts';
import { startScriptedServer } from '../../../src/kube/scripted-server.ts';

/**
 * What decision 16 rests on: client-node's informer and ours, with the same answers from the same kind of server. A
 * line of this fails when the informer has learned better: look at the decision again then.
 */

const ends: (() => unknown)[] = [];

afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

interface Answers {
  readonly lists: Reply[];
  readonly watches: Reply[];
}

/** Starts client-node's informer in a process of its own. */
async function startPeer({ lists, watches }: Answers, how = '') {
  const asked: string[] = [];
  const take = (answers: Reply[]): Reply | undefined => (answers.length > 1 ? answers.shift() : answers[0]);
  const server = await startScriptedServer((request, response) => {
    const query = new URL(request.url ?? '', 'http://x').searchParams;
    const isWatch = query.get('watch') === 'true';
    asked.push(isWatch ? `watch from ${query.get('resourceVersion')}` : 'list');
    take(isWatch ? watches : lists)?.(response, query, request);
  });
  ends.push(server.close);
  const program = fileURLToPath(new URL('informer.ts', import.meta.url));
  const child = execa(process.execPath, [program, server.connection.server.href, how], { reject: false });
  const told: string[] = [];
  child.stdout.setEncoding('utf8').on('data', (lines: string) => {
    for (const line of lines.trim().split('\n')) {
      const { what, about } = JSON.parse(line) as { what: string; about: string };
      told.push(`${what} ${about}`);
    }
  });
  ends.push(async () => {
    child.kill('SIGKILL');
    await child;
  });
  return { told, asked, child };
}

async function startOurs({ lists, watches }: Answers) {
  const ours = await startReflector({ lists, watches });
  ends.push(ours.close);
  return ours;
}

const patience = { timeout: 30_000, interval: 50 };
const tooOld = watching(event('ERROR', { kind: 'Status', code: 410, reason: 'Expired', message: 'too old' }));
/** Ends the watch after the lines, in order. */
const ending =
  (...lines: string[]): Reply =>
  (response) =>
    response.writeHead(200).end(lines.join(''));

const relistFails = (): Answers => ({
  lists: [answer(list('10', [pod('a', '1')])), failWith(500, 'InternalError'), answer(list('20', [pod('b', '15')]))],
  watches: [failWith(410, 'Expired'), watching()],
});

test('one 500 on the list after a 410: the informer never asks again, the reflector does', async () => {
  const { told, asked, child } = await startPeer(relistFails());
  // Nothing is left that could ask.
  expect(await child).toMatchObject({ exitCode: 0 });
  expect(told).toEqual(['add a', 'error 500']);
  expect(asked).toEqual(['list', 'watch from 10', 'list']);

  const ours = await startOurs(relistFails());
  await vi.waitFor(() => expect(ours.names()).toEqual(['b']), patience);
});

const firstListFails = (): Answers => ({
  lists: [failWith(503, 'ServiceUnavailable'), answer(list('10', [pod('a', '1')]))],
  watches: [watching()],
});

test('one 503 at the start: the informer never asks again, the reflector does', async () => {
  const { told, asked, child } = await startPeer(firstListFails());
  expect(await child).toMatchObject({ exitCode: 0 });
  expect([told, asked]).toEqual([['error 503'], ['list']]);

  const ours = await startOurs(firstListFails());
  await vi.waitFor(() => expect(ours.names()).toEqual(['a']), patience);
});

const handlerThrows = (): Answers => ({
  lists: [answer(list('10', []))],
  watches: [watching(event('ADDED', pod('broken', '11')), event('ADDED', pod('b', '12')))],
});

test('a handler that throws: the process of the informer ends, the reflector reports it and goes on', async () => {
  const { child } = await startPeer(handlerThrows(), 'throw');
  const ended = await child;
  expect(ended.exitCode).not.toBe(0);
  expect(ended.stderr).toContain('broken handler');

  const ours = await startOurs(handlerThrows());
  ours.store.onChange(({ after }) => {
    if (after?.metadata.name === 'broken') throw new Error('broken handler');
  });
  await vi.waitFor(() => expect(ours.names()).toEqual(['b', 'broken']), patience);
  expect(ours.handlerErrors).toHaveLength(1);
});

const gone = (): Answers => ({
  lists: [
    answer(list('10', [pod('gone', '1'), pod('kept', '2')])),
    answer(list('50', [pod('kept', '2'), pod('new', '45')])),
  ],
  watches: [ending(event('ERROR', { kind: 'Status', code: 410, reason: 'Expired', message: 'too old' })), watching()],
});

test('a 410 within the stream: both list again and tell of the differences', async () => {
  const { told, asked } = await startPeer(gone());
  await vi.waitFor(() => expect(told).toEqual(['add gone', 'add kept', 'delete gone', 'add new']), patience);
  await vi.waitFor(() => expect(asked).toEqual(['list', 'watch from 10', 'list', 'watch from 50']), patience);

  const ours = await startOurs({ ...gone(), watches: [tooOld, watching()] });
  await vi.waitFor(() => expect(ours.names()).toEqual(['kept', 'new']), patience);
});

/** The connection is cut; meanwhile `a` is deleted and, so that the server forgets of it, time passes. */
const deletedMeanwhile = (): Answers => ({
  lists: [answer(list('10', [pod('a', '1')])), answer(list('50', []))],
  watches: [breaking(event('MODIFIED', pod('a', '11'))), failWith(410, 'Expired'), watching()],
});

test('an object deleted while the connection was cut: the informer keeps it for good, the reflector does not', async () => {
  const { told, asked, child } = await startPeer(deletedMeanwhile());
  expect(await child).toMatchObject({ exitCode: 0 });
  expect(told.slice(0, 2)).toEqual(['add a', 'update a']);
  expect(told.at(-1)).toMatch(/^error /);
  expect(told).not.toContain('delete a');
  expect(asked).toEqual(['list', 'watch from 10']);

  const ours = await startOurs(deletedMeanwhile());
  await vi.waitFor(() => expect(ours.changes.at(-1)?.after).toBeUndefined(), patience);
  expect(ours.names()).toEqual([]);
});

test('an informer that its user starts again after each error catches up', async () => {
  const { told } = await startPeer(deletedMeanwhile(), 'restart');
  await vi.waitFor(() => expect(told).toContain('delete a'), patience);
});

/** A server that tells how far it is, to those who want to hear. */
const quiet = (): Answers => ({
  lists: [answer(list('10', []))],
  watches: [
    (response, query, request) => {
      const bookmark = query.get('allowWatchBookmarks') === 'true' ? [event('BOOKMARK', pod('', '400'))] : [];
      ending(event('ADDED', pod('a', '11')), ...bookmark)(response, query, request);
    },
    watching(),
  ],
});

test('a quiet kind: the informer goes on from the last object, however old, the reflector from the last bookmark', async () => {
  const { asked } = await startPeer(quiet());
  await vi.waitFor(() => expect(asked).toEqual(['list', 'watch from 10', 'watch from 11']), patience);

  const ours = await startOurs(quiet());
  const froms = () => ours.queries('Watch').map(({ resourceVersion }) => resourceVersion);
  await vi.waitFor(() => expect(froms()).toEqual(['10', '400']), patience);
});
