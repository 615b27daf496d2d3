import type { Logger } from 'pino';
import { KubeClient } from '../kube/client.ts';
import { type Clock, systemClock } from '../kube/clock.ts';
import { errorMessage } from '../kube/errors.ts';
import { LeaderElection } from '../kube/lease.ts';
import type { WorkQueue } from '../kube/work-queue.ts';
import { allCaches, type Caches, createCaches } from './emulator/caches.ts';
import type { Settings } from './settings.ts';
import { type OperatorContext, wireController } from './wiring.ts';

/** A running operator. */
export interface Operator {
  /** Undefined when the caches are filled, else what is missing. */
  notReady(): string | undefined;
  /** Ends the work in hand and gives the Lease back. */
  stop(): Promise<void>;
  /** Resolves when leadership was lost: somebody else acts now, and this process has to end. */
  readonly lost: Promise<void>;
}

/** Wires everything together and starts it: caches at once, work when the Lease is held. */
export function startOperator(context: OperatorContext): Operator {
  const { settings, metrics, log } = context;
  const clock = systemClock;
  const client = new KubeClient(context.connection, { observe: metrics.requests(context.connection.server.host) });
  const caches = createCaches({
    client,
    clock,
    random: Math.random,
    namespaces: settings.namespaces,
    onFailure: ({ resource, error, retryInMs }) => log.warn({ resource, retryInMs }, `watch: ${errorMessage(error)}`),
    onHandlerError: (error) => log.error({ err: error }, 'a handler of cache changes failed'),
  });
  const parts = wireController(context, { client, caches, clock });
  const election = electionOf(settings, client, clock, log);
  const lost = Promise.withResolvers<void>();
  run(caches, parts.queue, election, log).then((outcome) => {
    if (outcome === 'Lost') lost.resolve();
  }, lost.reject);
  return {
    notReady: () => {
      const missing = allCaches(caches).filter((informer) => !informer.hasSynced());
      return missing.length === 0
        ? undefined
        : `waiting for ${missing.map(({ resource }) => resource.plural).join(', ')}`;
    },
    stop: async () => {
      await parts.queue.drain();
      await Promise.all([parts.channels.close(), parts.resolver.stop()]);
      // From here on nothing is decided any more, and the next operator needn't wait for the last events.
      await election?.release();
      await parts.recorder.drain();
      await Promise.all(allCaches(caches).map((informer) => informer.stop()));
    },
    lost: lost.promise,
  };
}

function electionOf(settings: Settings, client: KubeClient, clock: Clock, log: Logger): LeaderElection | undefined {
  if (settings.leaseNamespace === undefined) {
    log.info('no POD_NAMESPACE: without leader election, so no second operator may run');
    return undefined;
  }
  return new LeaderElection({
    client,
    clock,
    namespace: settings.leaseNamespace,
    name: 'loco-operator',
    identity: settings.identity,
    onFailure: (error) => log.warn(`lease: ${errorMessage(error)}`),
  });
}

async function run(
  caches: Caches,
  queue: WorkQueue,
  election: LeaderElection | undefined,
  log: Logger,
): Promise<'Lost' | 'Released'> {
  const synced = Promise.all(allCaches(caches).map((informer) => informer.start()));
  if (election !== undefined && !(await election.acquire())) return 'Released';
  const held = election?.hold();
  // Filling the caches can take longer than a lease that can't be renewed lasts.
  const first = await Promise.race([synced, ...(held === undefined ? [] : [held])]);
  if (first === 'Lost' || first === 'Released') return first;
  log.info({ emulators: caches.emulators.store.size }, 'caches are filled, working');
  queue.start();
  return held ?? 'Released';
}
