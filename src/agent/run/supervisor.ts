import type { MachineSettings } from '../../contract/machine-settings.ts';
import type { OpenDisk } from '../disk/open-disk.ts';
import { untilAborted } from '../environment.ts';
import type { LifeEnd } from './guest-run.ts';
import { liveOnce } from './life.ts';
import type { Machine } from './machine.ts';

/** What comes after one life of QEMU. */
export type NextStep =
  /** The agent ends. */
  | { readonly kind: 'Exit' }
  /** The guest stays off until the pod is replaced. */
  | { readonly kind: 'StayOff' }
  | {
      readonly kind: 'StartAgain';
      readonly afterMilliseconds: number;
      /** Whether the disk must be checked (or, where it is Ephemeral, filled) again before. */
      readonly reopen: boolean;
    };

type RanLife = Exclude<LifeEnd, { kind: 'NotStarted' }>;

/** A life as long as this shows that the next failure is not the same one again. */
const STEADY_MILLISECONDS = 60_000;
const FIRST_PAUSE_MILLISECONDS = 1000;
const LONGEST_PAUSE_MILLISECONDS = 30_000;

/**
 * Decides from how a life ended. `shortLives`: how many lives before this one, without a steady one between, were
 * over too soon.
 */
export function decideNext(
  end: LifeEnd,
  policy: MachineSettings['onGuestPowerOff'],
  stopping: boolean,
  shortLives: number,
): NextStep {
  // Whoever asked to stop gets that, however this life ended.
  if (stopping || end.kind === 'Stopped') {
    return { kind: 'Exit' };
  }
  if (end.kind === 'PoweredOff' && policy === 'Stay') {
    return { kind: 'StayOff' };
  }
  const pause = Math.min(FIRST_PAUSE_MILLISECONDS * 2 ** Math.min(shortLives, 10), LONGEST_PAUSE_MILLISECONDS);
  return {
    kind: 'StartAgain',
    afterMilliseconds: pause,
    reopen: end.kind === 'NotStarted' ? end.disk === 'Changed' : end.ending.kind === 'Unclean',
  };
}

/**
 * Keeps the machine going inside one container until `stop` aborts: QEMU is started, and started again after a crash
 * or by the policy for a guest that switched itself off, without Kubernetes' crash loop. `openDisk` gives the locked,
 * verified disk, or null when `stop` aborted first.
 */
export async function supervise(
  machine: Machine,
  openDisk: () => Promise<OpenDisk | null>,
  stop: AbortSignal,
): Promise<void> {
  const { clock } = machine;
  let disk = await openDisk();
  let shortLives = 0;
  // Of this container's lives: the record may tell of one long ago.
  let lastEnd: RanLife | undefined;
  const never = new AbortController().signal;
  while (disk !== null) {
    const startedAt = clock.elapsed();
    const end = await liveOnce(machine, disk, stop);
    lastEnd = end.kind === 'NotStarted' ? lastEnd : end;
    if (clock.elapsed() - startedAt >= STEADY_MILLISECONDS) {
      shortLives = 0;
    }
    const next = decideNext(end, machine.environment.machine.onGuestPowerOff, stop.aborted, shortLives);
    shortLives += 1;
    if (next.kind === 'Exit') {
      break;
    }
    announce(machine, end, next);
    await (next.kind === 'StayOff' ? untilAborted(stop, never) : clock.sleep(next.afterMilliseconds, stop));
    if (stop.aborted) {
      break;
    }
    if (next.kind === 'StartAgain' && next.reopen) {
      await disk.close();
      disk = await openDisk();
    }
  }
  // Before the disk is closed: until then the report is also kept on its volume.
  reportStopped(machine, lastEnd);
  await disk?.close();
}

function reportStopped({ report, log }: Machine, lastEnd: RanLife | undefined): void {
  const message = lastEnd?.ending.message ?? 'Stopped before the guest ran.';
  report.update({ phase: 'Stopped', ready: false, reason: undefined, progress: undefined, message });
  log.info({}, `The machine is stopped. ${message}`);
}

/** Says why the guest doesn't run and what comes next. */
function announce({ report, log }: Machine, end: LifeEnd, next: Exclude<NextStep, { kind: 'Exit' }>): void {
  if (next.kind === 'StayOff') {
    const message = 'The guest switched itself off and stays off. Delete the pod to start it again.';
    report.update({ phase: 'PoweredOff', ready: false, reason: 'GuestPoweredOff', message });
    log.info({}, message);
    return;
  }
  const why = end.kind === 'NotStarted' ? end.failure : { reason: reasonOf(end), message: end.ending.message };
  const message = `${why.message} Started again in ${next.afterMilliseconds / 1000} s.`;
  report.update({ phase: 'Starting', ready: false, reason: why.reason, message });
  log[end.kind === 'PoweredOff' ? 'info' : 'error']({ reason: why.reason }, message);
}

function reasonOf(end: RanLife): string {
  return end.kind === 'Crashed' ? end.reason : 'GuestPoweredOff';
}
