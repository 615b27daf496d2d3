import { randomBytes } from 'node:crypto';
import type { Logger } from 'pino';
import { KubeClient } from '../kube/client.ts';
import { type Clock, systemClock } from '../kube/clock.ts';
import type { Connection } from '../kube/connection.ts';
import { errorMessage, isNamespaceTerminating } from '../kube/errors.ts';
import { EventRecorder } from '../kube/events.ts';
import { LeaderElection } from '../kube/lease.ts';
import type { OperatorMetrics } from '../kube/metrics.ts';
import { WorkQueue } from '../kube/work-queue.ts';
import { allCaches, type Caches, createCaches, watchCaches } from './emulator/caches.ts';
import { EmulatorController } from './emulator/controller.ts';
import { type AgentAddress, agentReports, type ConnectToPod } from './emulator/machines/agent-stream.ts';
import { MachineChannels } from './emulator/machines/channels.ts';
import { EmulatorSecrets } from './emulator/secrets.ts';
import { SnapshotResolver } from './emulator/snapshot-resolver.ts';
import type { Settings } from './settings.ts';

/** Emulators that are worked on at the same time; each waits mostly for the API server. */
const CONCURRENCY = 8;
const CONTROLLER = 'emulator';

export interface OperatorContext {
  readonly connection: Connection;
  readonly connectToPod: ConnectToPod;
  readonly settings: Settings;
  readonly metrics: OperatorMetrics;
  readonly log: Logger;
}

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
  const client = new KubeClient(context.connection, metrics.requests(context.connection.server.host));
  const caches = createCaches({
    client,
    clock,
    random: Math.random,
    namespaces: settings.namespaces,
    onFailure: ({ resource, error, retryInMs }) => log.warn({ resource, retryInMs }, `watch: ${errorMessage(error)}`),
    onHandlerError: (error) => log.error({ err: error }, 'a handler of cache changes failed'),
  });
  const parts = wireController(context, client, caches, clock);
  const election = electionOf(settings, client, clock, log);
  const lost = Promise.withResolvers<void>();
  const started = run(caches, parts.queue, election, log).then((outcome) => {
    if (outcome === 'Lost') lost.resolve();
  });
  started.catch((error: unknown) => log.fatal({ err: error }, 'the operator could not be started'));
  return {
    notReady: () => {
      const missing = allCaches(caches).filter((informer) => !informer.hasSynced());
      return missing.length === 0
        ? undefined
        : `waiting for ${missing.map(({ resource }) => resource.plural).join(', ')}`;
    },
    stop: async () => {
      await parts.queue.drain();
      await Promise.all([parts.channels.close(), parts.resolver.stop(), parts.recorder.drain()]);
      await Promise.all(allCaches(caches).map((informer) => informer.stop()));
      await election?.release();
    },
    lost: lost.promise,
  };
}

interface Parts {
  readonly queue: WorkQueue;
  readonly channels: MachineChannels;
  readonly resolver: SnapshotResolver;
  readonly recorder: EventRecorder;
}

function wireController(context: OperatorContext, client: KubeClient, caches: Caches, clock: Clock): Parts {
  const { settings, metrics, log } = context;
  const secrets = new EmulatorSecrets(client, randomBytes);
  const recorder = new EventRecorder({
    client,
    clock,
    random: Math.random,
    reporter: { controller: 'loco.mroie.github.io/operator', instance: settings.identity },
    onDropped: (happening, error) => {
      const level = isNamespaceTerminating(error) ? 'debug' : 'warn';
      log[level]({ reason: happening.reason }, `event dropped: ${errorMessage(error)}`);
    },
  });
  const queue: WorkQueue = new WorkQueue({
    work: (key) => controller.reconcile(key),
    concurrency: CONCURRENCY,
    clock,
    random: Math.random,
    observer: observeQueue(metrics, log),
  });
  const channels = new MachineChannels(
    {
      reports: (address, token, signal) => agentReports(context.connectToPod, address, token, signal),
      readToken: (address, again) => secrets.token(ownerOfPod(address), again),
      now: clock.now,
      after: clock.after,
      random: Math.random,
      onFailure: ({ pod }, error) => log.debug({ pod }, `agent: ${errorMessage(error)}`),
    },
    (key) => queue.add(key),
  );
  const resolver = new SnapshotResolver({
    client,
    oras: settings.oras,
    now: () => new Date(clock.now()),
    onEnd: (key, attempt) => {
      controller.resolveEnded(key, attempt);
      queue.add(key);
    },
  });
  const controller = new EmulatorController({
    client,
    caches,
    secrets,
    channels,
    resolver,
    recorder,
    log,
    defaultImage: settings.defaultImage,
    now: () => new Date(clock.now()),
    onWrite: () => undefined,
  });
  watchCaches(caches, (key) => queue.add(key));
  for (const { resource, store } of allCaches(caches)) metrics.cacheSize(resource.plural, () => store.size);
  return { queue, channels, resolver, recorder };
}

function ownerOfPod({ emulator, namespace, emulatorUid }: AgentAddress): {
  name: string;
  namespace: string;
  uid: string;
} {
  return { name: emulator, namespace, uid: emulatorUid };
}

/** Logs failures beside counting everything. */
function observeQueue(metrics: OperatorMetrics, log: Logger): ReturnType<OperatorMetrics['queue']> {
  const counted = metrics.queue(CONTROLLER);
  return {
    ...counted,
    finished: (key, tookMs, result) => {
      counted.finished(key, tookMs, result);
      if (result.outcome === 'Failed') {
        log.warn({ emulator: key, retryInMs: result.retryInMs }, `reconcile: ${errorMessage(result.error)}`);
      }
      if (result.outcome === 'Terminal') log.error({ emulator: key }, errorMessage(result.error));
    },
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
  await synced;
  log.info({ emulators: caches.emulators.store.size }, 'caches are filled, working');
  queue.start();
  return held ?? 'Released';
}
