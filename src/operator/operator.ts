import { KubeClient } from '../kube/client.ts';
import { type Clock, systemClock } from '../kube/clock.ts';
import { errorMessage } from '../kube/errors.ts';
import { LeaderElection } from '../kube/lease.ts';
import { StringPool } from '../kube/string-pool.ts';
import type { RequestObservation } from '../kube/transport.ts';
import { MANAGERS } from './emulator/act.ts';
import { allCaches, type Caches, createCaches } from './emulator/caches.ts';
import { endWork } from './ending.ts';
import { notReady } from './readiness.ts';
import { ServedNamespaces } from './served-namespaces.ts';
import { takeTurns } from './turns.ts';
import { VERSION } from './version.ts';
import { WatchLog } from './watch-log.ts';
import { type OperatorContext, type Parts, wireController } from './wiring.ts';
import { WorkGate } from './work-gate.ts';

/** A running operator. */
export interface Operator {
  /** Undefined when it is ready, else what is missing; see `readiness.ts`. */
  notReady(): string | undefined;
  /** Ends the work in hand and gives the Lease back; what takes too long is left undone. */
  stop(): Promise<void>;
}

const LEASE = 'loco-operator';

/**
 * Wires everything together and starts it: caches at once, work while the Lease is held. Nothing that the API server
 * does or leaves undone ends it.
 */
export function startOperator(context: OperatorContext): Operator {
  const { metrics, tracer, log, identity } = context;
  const clock = systemClock;
  const counted = metrics.requests(context.connection.server.host);
  const options = {
    userAgent: `loco-operator/${VERSION} (${identity.holder})`,
    observe: (request: RequestObservation) => {
      counted(request);
      tracer?.request(request);
    },
  };
  const unfenced = new KubeClient(context.connection, options);
  const election = electionOf(context, unfenced, clock, (renewed) => void gate.set({ renewed }));
  const client =
    election === undefined ? unfenced : new KubeClient(context.connection, { ...options, fence: election });
  const caches = cachesOf(context, client, clock, (namespace, error) => served.failed(namespace, error));
  const { namespaces } = context.settings;
  const served = new ServedNamespaces({ informers: allCaches(caches), namespaces, log });
  const parts = wireController(context, { client, unfenced, caches, clock, served });
  const gate = new WorkGate(parts.queue);
  void lead(context, { caches, served, gate, election, parts });
  let ending = false;
  return {
    notReady: () => notReady({ unfilled: served.unfilled(), conditions: gate.conditions, ending }),
    stop: async () => {
      ending = true;
      await endWork({ ...parts, agent: context.connection.agent, election, clock, log });
      await Promise.all([...allCaches(caches).map((informer) => informer.stop()), tracer?.close()]);
      log.info('ended');
    },
  };
}

function cachesOf(
  { settings, metrics, log }: OperatorContext,
  client: KubeClient,
  clock: Clock,
  onFailure: (namespace: string, error: unknown) => void,
): Caches {
  const watches = new WatchLog(log);
  return createCaches({
    client,
    clock,
    random: Math.random,
    namespaces: settings.namespaces,
    onFailure: (failure) => {
      watches.failed(failure);
      onFailure(failure.namespace, failure.error);
    },
    onRecovered: (recovery) => watches.recovered(recovery),
    onHandlerError: (error) => log.error({ err: error }, 'a handler of cache changes failed'),
    strings: new StringPool(),
    fieldManagers: [MANAGERS.objects],
    onSession: ({ resource, kind }) => metrics.cacheAsks(resource, kind),
  });
}

function electionOf(
  { settings, identity, log }: OperatorContext,
  client: KubeClient,
  clock: Clock,
  onRenewed: (renewed: boolean) => void,
): LeaderElection | undefined {
  if (settings.leaseNamespace === undefined) {
    log.info('no POD_NAMESPACE: without leader election, so no second operator may run');
    return undefined;
  }
  return new LeaderElection({
    client,
    clock,
    namespace: settings.leaseNamespace,
    name: LEASE,
    identity: identity.holder,
    isPredecessor: identity.isPredecessor,
    onInterrupted: (interrupted) => {
      const message = 'the lease can not be renewed: nothing is written until it can';
      if (interrupted) log.warn(message);
      else log.info('the lease is renewed again, working');
      onRenewed(!interrupted);
    },
    onFailure: (error) => log.warn(`lease: ${errorMessage(error)}`),
  });
}

interface Leading {
  readonly caches: Caches;
  readonly served: ServedNamespaces;
  readonly gate: WorkGate;
  readonly election: LeaderElection | undefined;
  readonly parts: Pick<Parts, 'onTurn' | 'onServed'>;
}

/** Fills the caches and works whenever it may, until the election is released. */
async function lead(
  { metrics, log }: OperatorContext,
  { caches, served, gate, election, parts }: Leading,
): Promise<void> {
  served.start(parts.onServed);
  for (const informer of allCaches(caches)) void informer.start();
  const synced = served.settled.then(() => {
    log.info({ emulators: caches.emulators.store.size }, 'caches are filled');
    return gate.set({ synced: true });
  });
  metrics.leading(LEASE, election === undefined);
  const onTurn = (leading: boolean): void => {
    metrics.leading(LEASE, leading);
    log.info(leading ? 'leading' : 'not leading any more');
    parts.onTurn(leading);
  };
  if (election !== undefined) await takeTurns({ election, gate, onTurn });
  else {
    parts.onTurn(true);
    await Promise.all([synced, gate.set({ leading: true })]);
  }
}
