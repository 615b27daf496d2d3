import { randomBytes } from 'node:crypto';
import type { Logger } from 'pino';
import type { KubeClient } from '../kube/client.ts';
import type { Clock } from '../kube/clock.ts';
import type { Connection } from '../kube/connection.ts';
import { errorMessage, isConflict, isNamespaceTerminating, isNotLeader } from '../kube/errors.ts';
import { EventRecorder } from '../kube/events.ts';
import type { OperatorMetrics } from '../kube/metrics.ts';
import type { Tracer } from '../kube/tracer.ts';
import { WorkQueue } from '../kube/work-queue.ts';
import { Workers } from '../kube/workers.ts';
import { allCaches, type Caches, watchCaches, watchPods } from './emulator/caches.ts';
import { countConditions } from './emulator/condition-counts.ts';
import { EmulatorController } from './emulator/controller.ts';
import { type ConnectToPod, followReports } from './emulator/machines/agent-stream.ts';
import type { ChannelContext } from './emulator/machines/channel.ts';
import { MachineChannels } from './emulator/machines/channels.ts';
import { EmulatorSecrets } from './emulator/secrets.ts';
import { SnapshotResolver } from './emulator/snapshot-resolver.ts';
import type { Identity } from './identity.ts';
import type { ServedNamespaces } from './served-namespaces.ts';
import type { Settings } from './settings.ts';

/**
 * Emulators that are worked on at the same time; each waits for the API server nearly all of its time. More of them wait
 * there as well, each with connections and half-made objects of its own (docs/performance.md).
 */
const CONCURRENCY = 5;
const CONTROLLER = 'emulator';
const EMULATOR_COUNTS = {
  name: 'loco_emulators',
  help: 'Emulators by condition',
  labels: ['condition', 'status', 'reason'],
} as const;

/** What an operator is started with. */
export interface OperatorContext {
  readonly connection: Connection;
  readonly connectToPod: ConnectToPod;
  readonly settings: Settings;
  readonly identity: Identity;
  readonly metrics: OperatorMetrics;
  /** Undefined when nobody asked for traces. */
  readonly tracer: Tracer | undefined;
  readonly log: Logger;
}

/** What every part of a controller stands on. */
interface Ground {
  readonly client: KubeClient;
  /** Writes also without the Lease: what it writes changes nothing that others decide from. */
  readonly unfenced: KubeClient;
  readonly caches: Caches;
  readonly clock: Clock;
  readonly served: Pick<ServedNamespaces, 'serves'>;
}

/** The running parts of the Emulator controller. */
export interface Parts {
  readonly queue: WorkQueue;
  readonly channels: MachineChannels;
  readonly resolver: SnapshotResolver;
  readonly recorder: EventRecorder;
  /** This process begins to lead, or has ended to: all its work has. Before the first, nothing is added to the queue. */
  readonly onTurn: (leading: boolean) => void;
  /** All that is in this namespace is known by now, `''` being all of them. */
  readonly onServed: (namespace: string) => void;
}

/** Puts the Emulator controller together; nothing works before its queue is started. */
export function wireController(context: OperatorContext, ground: Ground): Parts {
  const { metrics, tracer, log, settings } = context;
  const { client, caches, clock, served } = ground;
  const monotonic = (): number => clock.monotonic();
  const secrets = new EmulatorSecrets(client, randomBytes, monotonic);
  const recorder = createRecorder(context, ground);
  const reconcile = async (key: string): ReturnType<EmulatorController['reconcile']> =>
    served.serves(namespaceOf(key)) ? controller.reconcile(key) : { outcome: 'Done' };
  const queue: WorkQueue = new WorkQueue({
    work: (key) => (tracer === undefined ? reconcile(key) : tracer.pass(CONTROLLER, key, () => reconcile(key))),
    workers: new Workers(CONCURRENCY),
    clock,
    random: Math.random,
    observer: observeQueue(metrics, log),
  });
  let isLeading = false;
  const enqueue = (key: string): void => {
    if (isLeading) queue.add(key);
  };
  const channels = createChannels(context, ground, secrets, enqueue);
  const now = (): Date => new Date(clock.now());
  const resolver = new SnapshotResolver({
    client,
    oras: settings.oras,
    now,
    monotonic,
    onEnd: (key, attempt) => {
      controller.resolveEnded(key, attempt);
      enqueue(key);
    },
  });
  const { defaultImage, operatorPods } = settings;
  const controller = new EmulatorController({
    client,
    caches,
    secrets,
    channels,
    resolver,
    recorder,
    log,
    installation: { defaultImage, operatorPods },
    now,
    monotonic,
  });
  watchCaches(caches, enqueue);
  watchPods(caches, (key) => {
    if (isLeading) controller.podsChanged(key);
  });
  for (const { resource, store } of allCaches(caches)) metrics.cacheSize(resource.plural, () => store.size);
  metrics.counts({ ...EMULATOR_COUNTS, read: () => countConditions(caches.emulators.store.values()) });
  const onTurn = (leading: boolean): void => {
    isLeading = leading;
    // What another leader did meanwhile is looked at again, what it left undone is done, and who is gone is forgotten.
    if (leading) for (const key of controller.known()) enqueue(key);
    else {
      controller.turnEnded();
      // Who doesn't lead has nobody to tell what machines and registries say.
      for (const end of [channels.close(), resolver.stop()])
        end.catch((error) => log.error({ err: error }, 'a turn as leader did not end'));
    }
  };
  const onServed = (namespace: string): void => {
    for (const key of controller.known()) if (namespace === '' || namespaceOf(key) === namespace) enqueue(key);
  };
  return { queue, channels, resolver, recorder, onTurn, onServed };
}

function namespaceOf(key: string): string {
  return key.slice(0, key.indexOf('/'));
}

function createRecorder({ settings, log }: OperatorContext, { unfenced, clock }: Ground): EventRecorder {
  return new EventRecorder({
    client: unfenced,
    clock,
    random: Math.random,
    reporter: { controller: 'loco.mroie.github.io/operator', instance: settings.podName },
    onDropped: (happening, error) => {
      const level = isNamespaceTerminating(error) ? 'debug' : 'warn';
      log[level]({ reason: happening.reason }, `event dropped: ${errorMessage(error)}`);
    },
  });
}

function createChannels(
  { connectToPod, log }: OperatorContext,
  { clock }: Ground,
  secrets: EmulatorSecrets,
  enqueue: (key: string) => void,
): MachineChannels {
  const channel: ChannelContext = {
    follow: (address, token, options) => followReports(connectToPod, address, token, options),
    readToken: ({ emulator, namespace, emulatorUid }, again) =>
      secrets.token({ name: emulator, namespace, uid: emulatorUid }, again),
    now: () => clock.now(),
    monotonic: () => clock.monotonic(),
    after: (ms, action) => clock.after(ms, action),
    random: Math.random,
    onFailure: ({ pod }, error) => log.debug({ pod }, `agent: ${errorMessage(error)}`),
  };
  return new MachineChannels(channel, enqueue);
}

/** Logs failures beside counting everything. */
function observeQueue(metrics: OperatorMetrics, log: Logger): ReturnType<OperatorMetrics['queue']> {
  const counted = metrics.queue(CONTROLLER, CONCURRENCY);
  return {
    ...counted,
    finished: (key, tookMs, result) => {
      counted.finished(key, tookMs, result);
      if (result.outcome === 'Failed') {
        // What the fence holds back is told once, where the lease is; and that somebody else was faster is no trouble.
        const level = isNotLeader(result.error) || isConflict(result.error) ? 'debug' : 'warn';
        log[level]({ emulator: key, retryInMs: result.retryInMs }, `reconcile: ${errorMessage(result.error)}`);
      }
      if (result.outcome === 'Terminal') log.error({ emulator: key }, errorMessage(result.error));
    },
  };
}
