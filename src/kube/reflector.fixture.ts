import type http from 'node:http';
import { KubeClient } from './client.ts';
import { systemClock } from './clock.ts';
import type { Connection } from './connection.ts';
import type { KubeObject } from './object.ts';
import { Reflector, type ReflectorOptions } from './reflector.ts';
import { sendFailure, sendJson, startScriptedServer } from './scripted-server.ts';
import { type Change, Store, type StoreOptions } from './store.ts';

/** A reflector of pods, and a server that answers it as a test's script says. */

export const PODS = { group: '', version: 'v1', plural: 'pods', kind: 'Pod' };

export function pod(name: string, resourceVersion: string, uid = `uid-${name}`): KubeObject {
  return { apiVersion: 'v1', kind: 'Pod', metadata: { name, namespace: 'n', uid, resourceVersion } };
}

export function list(resourceVersion: string, items: readonly KubeObject[], next?: string): object {
  return { kind: 'PodList', metadata: { resourceVersion, ...(next === undefined ? {} : { continue: next }) }, items };
}

/** One line of a watch. */
export function event(type: string, object: unknown): string {
  return `${JSON.stringify({ type, object })}\n`;
}

/** The line that ends what was there when a watch began. */
export function endOfList(resourceVersion: string): string {
  const annotations = { 'k8s.io/initial-events-end': 'true' };
  return event('BOOKMARK', { kind: 'Pod', metadata: { resourceVersion, annotations } });
}

export type Reply = (response: http.ServerResponse, query: URLSearchParams, request: http.IncomingMessage) => void;

/** `Stream`: a list as the beginning of a watch. */
export type Kind = 'Stream' | 'List' | 'Watch';

/** Answers in turn; the last of each is repeated. */
export interface Script {
  /** Without any they are refused as kube-apiserver does with its feature WatchList switched off. */
  readonly streams?: Reply[];
  readonly lists?: Reply[];
  readonly watches?: Reply[];
}

export const failWith =
  (code: number, reason: string, headers: object = {}): Reply =>
  (response) =>
    sendFailure(response, code, reason, headers);

export const answer =
  (value: object): Reply =>
  (response) =>
    sendJson(response, 200, value);

/** Sends these lines and leaves the watch open. */
export const watching =
  (...lines: string[]): Reply =>
  (response) => {
    response.writeHead(200).flushHeaders();
    if (lines.length > 0) response.write(lines.join(''));
  };

/** Sends these lines and closes the connection. */
export const breaking =
  (...lines: string[]): Reply =>
  (response) => {
    response.writeHead(200).write(lines.join(''), () => response.destroy());
  };

const refusing = failWith(422, 'Invalid');

export interface Setting extends Partial<Omit<ReflectorOptions<KubeObject>, 'store' | 'scope' | 'client'>> {
  readonly connection?: (scripted: Connection) => Connection;
  readonly transform?: StoreOptions<KubeObject>['transform'];
}

/** Starts both. `close` ends them. */
export async function startReflector(script: Script, { connection, transform, ...options }: Setting = {}) {
  const asked: { kind: Kind; query: URLSearchParams }[] = [];
  const take = <T>(answers: T[]): T | undefined => (answers.length > 1 ? answers.shift() : answers[0]);
  const {
    streams = [refusing],
    lists = [answer(list('1', []))],
    watches = [watching(event('BOOKMARK', pod('', '900')))],
  } = script;
  const server = await startScriptedServer((request, response) => {
    const query = new URL(request.url ?? '', 'http://x').searchParams;
    const kind = query.get('watch') !== 'true' ? 'List' : query.has('sendInitialEvents') ? 'Stream' : 'Watch';
    asked.push({ kind, query });
    take({ Stream: streams, List: lists, Watch: watches }[kind])?.(response, query, request);
  });
  const handlerErrors: unknown[] = [];
  const store = new Store<KubeObject>({
    now: () => performance.now(),
    onHandlerError: (error) => handlerErrors.push(error),
    ...(transform === undefined ? {} : { transform }),
  });
  const changes: Change<KubeObject>[] = [];
  store.onChange((change) => changes.push(change));
  const failures: { message: string; retryInMs: number }[] = [];
  const reflector = new Reflector<KubeObject>({
    client: new KubeClient(connection?.(server.connection) ?? server.connection),
    scope: { resource: PODS, namespace: '' },
    store,
    clock: systemClock,
    random: () => 0.5,
    backoff: { firstMs: 5, capMs: 20 },
    onFailure: ({ error, retryInMs }) => failures.push({ message: String(error), retryInMs }),
    ...options,
  });
  reflector.start();
  return {
    store,
    reflector,
    server,
    asked,
    failures,
    changes,
    handlerErrors,
    kinds: (): Kind[] => asked.map(({ kind }) => kind),
    queries: (of: Kind) => asked.filter(({ kind }) => kind === of).map(({ query }) => Object.fromEntries(query)),
    names: (): string[] => [...store.values()].map(({ metadata }) => metadata.name).sort(),
    close: async () => {
      await reflector.stop();
      await server.close();
    },
  };
}
