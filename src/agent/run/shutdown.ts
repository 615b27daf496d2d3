import type { Logger } from 'pino';
import { z } from 'zod';
import type { LastStop } from '../../contract/disk-record.ts';
import { AFTER_GUEST_SECONDS } from '../../contract/shutdown.ts';
import { type Clock, untilDone } from '../environment.ts';
import { type GuestWatch, SAFE_TO_POWER_OFF } from './guest-watch.ts';
import { keepRunning } from './keep-running.ts';
import type { Reserve } from './machine.ts';
import { isFull } from './probes.ts';
import { DISK_NODE } from './qemu-arguments.ts';
import type { Qemu } from './qemu-process.ts';
import type { VolumeLook } from './volume-look.ts';

/** How a guest ended, before the time of it is noted. */
export type Ending = Pick<LastStop, 'kind' | 'message'>;

/** No guest ran, so none ended. */
export interface NeverRan {
  readonly kind: 'NeverRan';
  readonly message: string;
}

export interface StopOptions {
  readonly qemu: Qemu;
  readonly watch: Pick<GuestWatch, 'off' | 'diskError' | 'isHeld' | 'letRun' | 'isRebooting'>;
  /** Seconds that the guest has, counted from now. */
  readonly gracePeriodSeconds: number;
  readonly lookAtVolume: () => Promise<VolumeLook>;
  readonly reserve: Pick<Reserve, 'release'>;
  readonly clock: Clock;
  readonly log: Logger;
}

/** A guest that still boots doesn't hear the button, so it is pressed again and again. */
const PRESS_MILLISECONDS = 5000;

/** A guest that its disk paused again is seen so soon. */
const LOOK_MILLISECONDS = 1000;

/** QEMU answers within milliseconds, or is stuck in an access to its disk. */
const ANSWER_MILLISECONDS = 2000;

const NEVER_STARTED = 'Stopped before the guest started.';

const statusSchema = z.object({ status: z.string() });

/**
 * Lets the guest shut down and ends QEMU:
 * 1. a guest that never ran needs nothing;
 * 2. from now on a reboot is an end too (of a guest that reboots just now, the next one: the BIOS resets once more);
 * 3. the ACPI button is pressed every 5 s until the guest is off, and a paused guest is made to run, on a full volume
 *    with the room of the reserve;
 * 4. at the deadline QEMU writes out what it holds and quits, which is an unclean stop.
 */
export async function stopGuest(options: StopOptions): Promise<Ending | NeverRan> {
  const { qemu, watch, clock } = options;
  const deadline = clock.elapsed() + options.gracePeriodSeconds * 1000;
  const status = await qemu.qmp.execute('query-status', statusSchema, { timeoutMilliseconds: ANSWER_MILLISECONDS });
  if (status.ok && status.value.status === 'prelaunch') {
    return quitBefore(qemu, clock, NEVER_STARTED);
  }
  const ended = Promise.race([
    watch.off.then((reason) => ({ reason })),
    qemu.exited.then(({ description }) => ({ description })),
  ]);
  const press = buttonOf(options);
  while (clock.elapsed() < deadline) {
    // A QEMU that didn't answer above may answer only here.
    if ((await untilDone(press(), deadline - clock.elapsed(), clock)) === 'NeverRan') {
      return quitBefore(qemu, clock, NEVER_STARTED);
    }
    const end = await untilDone(ended, Math.min(LOOK_MILLISECONDS, deadline - clock.elapsed()), clock);
    if (end !== undefined) {
      return endOf(options, end);
    }
  }
  return switchOff(options, ended);
}

/** The guest is off, with QEMU's word for why, or QEMU has ended. */
type End = { readonly reason: string } | { readonly description: string };

async function endOf({ qemu, clock }: StopOptions, end: End): Promise<Ending> {
  return 'reason' in end
    ? quitAfterGuest(qemu, clock, end.reason)
    : { kind: 'Unclean', message: `QEMU ended before the guest had shut down: ${end.description}.` };
}

/** To be called each second: keeps the guest running, and presses the button each fifth time. */
function buttonOf(options: StopOptions): () => Promise<'NeverRan' | 'Ran'> {
  const { qemu, watch, clock, log } = options;
  let pressedAt = Number.NEGATIVE_INFINITY;
  let rebootIsEnd = false;
  return async () => {
    if (!rebootIsEnd && !watch.isRebooting) {
      rebootIsEnd = (await ask(qemu, 'set-action', { reboot: 'shutdown' })) === undefined;
    }
    if (await keepRunning(options)) {
      return 'NeverRan';
    }
    if (clock.elapsed() - pressedAt >= PRESS_MILLISECONDS) {
      pressedAt = clock.elapsed();
      const failure = await ask(qemu, 'system_powerdown');
      log.info({ failure }, 'Pressed the power button');
    }
    return 'Ran';
  };
}

/** The guest's time is over. */
async function switchOff(options: StopOptions, ended: Promise<End>): Promise<Ending> {
  const { qemu, clock, log, gracePeriodSeconds } = options;
  const flush = async () => {
    await ask(qemu, 'stop');
    await qemu.qmp.humanMonitor(`qemu-io ${DISK_NODE} flush`);
  };
  const [why] = await Promise.all([whyNot(options), untilDone(flush(), AFTER_GUEST_SECONDS.flush * 1000, clock)]);
  // The guest may have needed only this little longer.
  const end = await untilDone(ended, 0, clock);
  if (end !== undefined) {
    return endOf(options, end);
  }
  const message = `The guest did not shut down within ${gracePeriodSeconds} s and was switched off.${why}`;
  log.warn({ seconds: gracePeriodSeconds }, message);
  return quit(qemu, clock, { kind: 'Unclean', message });
}

/** What kept the guest from shutting down, where that is known. */
async function whyNot({ watch, lookAtVolume }: StopOptions): Promise<string> {
  const error = watch.diskError;
  if (error === undefined) {
    return '';
  }
  return isFull(error, await lookAtVolume())
    ? ' Its volume was full, and the reserve was not enough for it: make the volume larger (storage.size).'
    : ` A ${error.operation} of its disk failed on the volume: look at the storage behind it.`;
}

/** Ends a QEMU whose guest has not run: nothing of it is on the disk, however QEMU ends. */
export async function quitBefore(qemu: Qemu, clock: Clock, message: string): Promise<NeverRan> {
  await quit(qemu, clock, { kind: 'Clean', message });
  return { kind: 'NeverRan', message };
}

/** Ends a QEMU whose guest is off, and says what that was. */
export function quitAfterGuest(qemu: Qemu, clock: Clock, reason: string): Promise<Ending> {
  switch (reason) {
    case 'guest-shutdown':
      return quit(qemu, clock, { kind: 'Clean', message: 'The guest shut down by itself.' });
    case SAFE_TO_POWER_OFF:
      return quit(qemu, clock, {
        kind: 'SafeToPowerOff',
        message: 'The guest had shut down: its screen said that it is safe to switch off.',
      });
    case 'guest-reset':
      // A crash of the guest resets it just as its own restart does: nothing proves that it had shut down before.
      return quit(qemu, clock, {
        kind: 'Unclean',
        message: 'The guest restarted itself while it was being stopped; whether it had shut down first is not known.',
      });
    default:
      return quit(qemu, clock, {
        kind: 'Unclean',
        message: `The guest is off (${reason}) without having shut down.`,
      });
  }
}

/** The ending is as given only when QEMU ends by itself and well: its last writes are on the volume then. */
async function quit(qemu: Qemu, clock: Clock, ending: Ending): Promise<Ending> {
  // Not waited for: a QEMU that is stuck doesn't answer, and one that isn't ends.
  qemu.qmp.execute('quit', z.unknown());
  const exited = await untilDone(qemu.exited, AFTER_GUEST_SECONDS.quit * 1000, clock);
  if (exited?.code === 0) {
    return ending;
  }
  if (exited !== undefined) {
    return { kind: 'Unclean', message: `${ending.message} QEMU then failed: ${exited.description}.` };
  }
  qemu.kill();
  await qemu.exited;
  return { kind: 'Unclean', message: `${ending.message} QEMU then hung and was killed.` };
}

/** @returns the failure, if there was one */
async function ask(qemu: Qemu, command: string, words?: object) {
  const answer = await qemu.qmp.execute(command, z.unknown(), {
    timeoutMilliseconds: ANSWER_MILLISECONDS,
    ...(words === undefined ? {} : { arguments: words }),
  });
  return answer.ok ? undefined : answer.failure;
}
