import type { Follower, KubeObject } from '../../scripts/cluster/simulated/agents/api.ts';
import { type Counts, countKinds, countRequests } from './counts.ts';
import type { Ground } from './ground.ts';
import { readCpuMs } from './process-cost.ts';
import type { RunningOperator } from './running-operator.ts';
import type { NewObject, Subject } from './subject.ts';

/** What it took to have a number of resources Ready. */
export interface Creation {
  readonly size: number;
  /** From the first request of the user until the last resource is Ready. */
  readonly seconds: number;
  /** Milliseconds of processor time of the API server until then, whoever it worked for. */
  readonly serverCpuMs: number;
  /** Of the operator until it had nothing more to do; absent without one. */
  readonly operator?: {
    readonly counts: Counts;
    readonly requests: readonly (readonly [string, number])[];
    readonly cpuMs: number;
    readonly peakBytes: number;
  };
}

const LOOK_MS = 1000;

/** Resolves when so many objects of the collection are Ready. @throws when `check`, which is asked each second, does */
async function whenReady(
  { api }: Ground,
  { subject, namespace, size }: { readonly subject: Subject; readonly namespace: string; readonly size: number },
  check: () => void,
): Promise<void> {
  const ready = new Set<string>();
  const done = new AbortController();
  const changed = (object: KubeObject) => {
    if (subject.isReady(object)) ready.add(object.metadata.name);
    else ready.delete(object.metadata.name);
    if (ready.size === size) done.abort();
  };
  const follower: Follower<KubeObject> = {
    replaced: (objects) => objects.forEach(changed),
    changed,
    deleted: ({ metadata }) => ready.delete(metadata.name),
  };
  const trouble = Promise.withResolvers<void>();
  const checking = setInterval(() => {
    try {
      check();
    } catch (error) {
      trouble.reject(error);
    }
  }, LOOK_MS);
  try {
    await Promise.race([api.follow(subject.collection(namespace), follower, done.signal), trouble.promise]);
  } finally {
    clearInterval(checking);
    done.abort();
  }
}

export async function createAll(ground: Ground, objects: readonly NewObject[]): Promise<void> {
  await Promise.all(
    objects.map(async ({ path, body }) => {
      const { status, text } = await ground.api.ask('POST', path, body);
      if (status !== 201) throw new Error(`POST ${path} answered ${status}: ${text.slice(0, 300)}`);
    }),
  );
}

/** Milliseconds of processor time that the API server has used so far. */
export async function serverCpuMs({ cluster }: Ground): Promise<number> {
  const times = (await cluster.component('kube-apiserver').pids()).map(readCpuMs);
  return (await Promise.all(times)).reduce((sum, ms) => sum + ms, 0);
}

/** Names of resources; none is the beginning of another. */
export function names(size: number): readonly string[] {
  return Array.from({ length: size }, (_, index) => `machine-${String(index).padStart(5, '0')}`);
}

/** Makes the resources in a namespace of their own and waits for them, and for the operator to be done with them. */
export async function measureCreation(
  ground: Ground,
  subject: Subject,
  target: { readonly namespace: string; readonly size: number },
  operator?: RunningOperator,
): Promise<Creation> {
  const { namespace, size } = target;
  const objects = names(size).map((name) => subject.resource(namespace, name));
  await operator?.requestsUntilQuiet();
  const cpuBefore = await operator?.cpuMs();
  const serverBefore = await serverCpuMs(ground);
  const started = performance.now();
  const ready = whenReady(ground, { subject, namespace, size }, () => operator?.expectRunning());
  await Promise.all([ready, createAll(ground, objects.flat())]);
  const seconds = (performance.now() - started) / 1000;
  const server = (await serverCpuMs(ground)) - serverBefore;
  if (operator === undefined || cpuBefore === undefined) return { size, seconds, serverCpuMs: server };
  const entries = await operator.requestsUntilQuiet();
  const cpuMs = (await operator.cpuMs()) - cpuBefore;
  const { peak } = await operator.memory();
  const requests = countRequests(entries);
  return {
    size,
    seconds,
    serverCpuMs: server,
    operator: { counts: countKinds(entries), requests, cpuMs, peakBytes: peak },
  };
}
