import path from 'node:path';
import { z } from 'zod';
import { untilAborted } from '../environment.ts';
import type { Failure } from '../failure.ts';
import { GuestWatch } from './guest-watch.ts';
import type { Machine } from './machine.ts';
import { observe } from './observe.ts';
import { untilSafeToPowerOff } from './power-off-watch.ts';
import type { Qemu } from './qemu-process.ts';
import { type Ending, type NeverRan, quitAfterGuest, quitBefore, stopGuest } from './shutdown.ts';
import { followVncPassword } from './vnc-rotation.ts';
import { VolumeWatch, volumeQuestions } from './volume-look.ts';

/** How one life of QEMU ended. */
export type LifeEnd =
  /** Something that it needs is missing; the guest didn't run. */
  | { readonly kind: 'NotStarted'; readonly failure: Failure /** It is another one now. */; readonly disk?: 'Changed' }
  /** The guest switched itself off. */
  | { readonly kind: 'PoweredOff'; readonly ending: Ending }
  /** QEMU ended by itself, or had to be ended; `reason` for the report. */
  | { readonly kind: 'Crashed'; readonly reason: string; readonly ending: Ending }
  /** It was asked to stop. */
  | { readonly kind: 'Stopped'; readonly ending: Ending };

/** What ends a running guest's life, whichever comes first. */
type FirstSign =
  | { readonly kind: 'PoweredOff'; readonly reason: string }
  | { readonly kind: 'Crashed'; readonly description: string }
  | { readonly kind: 'DiskLost' }
  | { readonly kind: 'Stopped' };

/**
 * Lets the guest run and watches it until it is off, QEMU ends, or `stop` aborts; then ends QEMU.
 * @param inode the disk's, as its record has it
 */
export async function runGuest(machine: Machine, qemu: Qemu, inode: number, stop: AbortSignal): Promise<LifeEnd> {
  const { clock, log, paths } = machine;
  const volume = new VolumeWatch(volumeQuestions(paths.disk, inode), clock);
  // An agent that was killed may have left it.
  await volume.giveBack();
  const watch = new GuestWatch({
    qemu,
    vncPort: machine.endpoints.vncPort,
    screendumpFile: path.join(paths.run, 'look.ppm'),
    gdbSocket: path.join(paths.run, 'gdb.sock'),
    volume,
    clock,
    log,
  });
  if (!stop.aborted) {
    const running = await qemu.qmp.execute('cont', z.unknown());
    // Without an answer the guest may run all the same: then it is watched as any other.
    if (!running.ok && running.failure.reason === 'QMPCommandFailed') {
      const words = `QEMU did not let the guest run: ${running.failure.message}`;
      return notStarted(await quitBefore(qemu, clock, words));
    }
  }
  const over = new AbortController();
  const off = new AbortController();
  const endWatch = watchForEnd(machine, qemu, watch, stop, off.signal);
  const running = AbortSignal.any([over.signal, stop]);
  const observing = observe(machine, watch, running);
  const following = followVncPassword(machine, qemu.qmp, running);
  const first = await Promise.race<FirstSign>([
    watch.off.then((reason) => ({ kind: 'PoweredOff', reason })),
    qemu.exited.then(({ description }) => ({ kind: 'Crashed', description })),
    untilAborted(stop, over.signal).then(() => ({ kind: 'Stopped' })),
    observing.then((isLost) => (isLost ? { kind: 'DiskLost' } : new Promise<never>(() => {}))),
  ]);
  over.abort();
  // A look that is under way may take seconds; the guest's shutdown doesn't wait for it.
  const [end] = await Promise.all([endGuest(machine, qemu, watch, volume, first), observing, following]);
  off.abort();
  await endWatch;
  return end;
}

/** Also while the guest is being stopped. */
async function watchForEnd(
  { clock, paths }: Machine,
  qemu: Qemu,
  watch: GuestWatch,
  stop: AbortSignal,
  until: AbortSignal,
): Promise<void> {
  const screendumpFile = path.join(paths.run, 'end.ppm');
  const options = { qmp: qemu.qmp, screendumpFile, clock, isStopping: () => stop.aborted };
  if (await untilSafeToPowerOff(options, until)) {
    watch.isSafeToPowerOff();
  }
}

async function endGuest(
  machine: Machine,
  qemu: Qemu,
  watch: GuestWatch,
  volume: VolumeWatch,
  first: FirstSign,
): Promise<LifeEnd> {
  const { clock, log, report, reserve } = machine;
  switch (first.kind) {
    case 'PoweredOff':
      return { kind: 'PoweredOff', ending: await quitAfterGuest(qemu, clock, first.reason) };
    case 'Crashed':
      return crashed('QEMUCrashed', `QEMU ended under the running guest: ${first.description}.`);
    case 'DiskLost':
      qemu.kill();
      await qemu.exited;
      return crashed(
        'DiskIOError',
        'QEMU could not write to its disk any more after an error of the volume, although the volume works again; it was ended.',
      );
    case 'Stopped': {
      const { gracePeriodSeconds } = machine.environment.machine;
      const message = `The guest is shutting down; it has ${gracePeriodSeconds} s.`;
      report.update({ phase: 'Stopping', ready: false, reason: undefined, message });
      const look = () => volume.look(false);
      const ending = await stopGuest({ qemu, watch, gracePeriodSeconds, lookAtVolume: look, reserve, clock, log });
      return ending.kind === 'NeverRan' ? notStarted(ending) : { kind: 'Stopped', ending };
    }
  }
}

function crashed(reason: string, message: string): LifeEnd {
  return { kind: 'Crashed', reason, ending: { kind: 'Unclean', message } };
}

function notStarted({ message }: NeverRan): LifeEnd {
  return { kind: 'NotStarted', failure: { reason: 'QEMUStartFailed', message } };
}
