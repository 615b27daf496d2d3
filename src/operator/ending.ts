import type { Logger } from 'pino';
import type { Clock } from '../kube/clock.ts';
import type { EventRecorder } from '../kube/events.ts';
import type { LeaderElection } from '../kube/lease.ts';
import type { WorkQueue } from '../kube/work-queue.ts';
import type { MachineChannels } from './emulator/machines/channels.ts';
import type { SnapshotResolver } from './emulator/snapshot-resolver.ts';
import { endsWithin } from './patience.ts';

/** What has to end before an operator may. */
export interface Endings {
  readonly queue: Pick<WorkQueue, 'drain'>;
  readonly channels: Pick<MachineChannels, 'close'>;
  readonly resolver: Pick<SnapshotResolver, 'stop'>;
  readonly recorder: Pick<EventRecorder, 'drain' | 'stop'>;
  /** Of the API server; destroyed, it ends the requests that hang. */
  readonly agent: { destroy(): void };
  readonly election: Pick<LeaderElection, 'release' | 'abandon'> | undefined;
  readonly clock: Clock;
  readonly log: Pick<Logger, 'warn'>;
}

/** What can't be written by then can't be for a reason that ending later doesn't help: the API server is away. */
const WORK_MS = 5_000;
const CLOSE_MS = 2_000;
/** The next operator leads by now, and can't tell what this one was to tell: on a busy machine that takes a while. */
const EVENTS_MS = 10_000;

/**
 * Ends the work in hand, and then the term as leader. The Lease is given back only when all has ended in time: of a
 * write that was given up nobody knows whether the API server carries it out later. It may do so until the Lease has run
 * out (each write says for how long), and not while the next operator leads.
 */
export async function endWork(endings: Endings): Promise<void> {
  const { queue, channels, resolver, recorder, agent, election, clock, log } = endings;
  const left: string[] = [];
  const wait = async (what: string, ms: number, done: Promise<unknown>): Promise<void> => {
    if (!(await endsWithin(clock, ms, done))) left.push(what);
  };
  await wait('work in hand', WORK_MS, queue.drain());
  // Requests that hang end now, each as one without an answer.
  if (left.length > 0) agent.destroy();
  await wait('agents and registries', CLOSE_MS, Promise.all([channels.close(), resolver.stop()]));
  // The next operator needn't wait for the last events: they are true whoever leads.
  if (left.length === 0) await election?.release();
  else {
    log.warn('not everything ended in time: the lease is left to run out');
    await election?.abandon();
  }
  await wait('events', EVENTS_MS, recorder.drain());
  recorder.stop();
  if (left.length > 0) log.warn(`given up, for the next operator to do: ${left.join(', ')}`);
}
