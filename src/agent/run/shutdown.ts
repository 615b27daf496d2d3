import type { Logger } from 'pino';
import { z } from 'zod';
import type { LastStop } from '../../contract/disk-record.ts';
import type { Clock } from '../environment.ts';
import type { GuestWatch } from './guest-watch.ts';
import { DISK_NODE } from './qemu-arguments.ts';
import type { Qemu } from './qemu-process.ts';

/** How a guest ended, before the time of it is noted. */
export type Ending = Pick<LastStop, 'kind' | 'message'>;

/** No guest ran, so none ended. */
export interface NeverRan {
  readonly kind: 'NeverRan';
  readonly message: string;
}

export interface StopOptions {
  readonly qemu: Qemu;
  readonly watch: Pick<GuestWatch, 'off'>;
  /** Seconds that the guest has, counted from now. */
  readonly gracePeriodSeconds: number;
  readonly clock: Clock;
  readonly log: Logger;
}

/** A guest that still boots doesn't hear the button, so it is pressed again and again. */
const PRESS_MILLISECONDS = 5000;
/** For QEMU to write out what it holds and end. */
const QUIT_MILLISECONDS = 10_000;

const statusSchema = z.object({ status: z.string() });

/**
 * Lets the guest shut down and ends QEMU:
 * 1. a guest that never ran needs nothing;
 * 2. from now on a reboot is an end too;
 * 3. the ACPI button is pressed every 5 s (and a paused guest made to run) until the guest is off;
 * 4. at the deadline QEMU writes out what it holds and quits, which is an unclean stop.
 */
export async function stopGuest(options: StopOptions): Promise<Ending | NeverRan> {
  const { qemu, watch, clock, log } = options;
  const status = await qemu.qmp.execute('query-status', statusSchema);
  if (status.ok && status.value.status === 'prelaunch') {
    return quitBefore(qemu, clock, 'Stopped before the guest started.');
  }
  await qemu.qmp.execute('set-action', z.unknown(), { arguments: { reboot: 'shutdown' } });
  const deadline = clock.now() + options.gracePeriodSeconds * 1000;
  const ended = Promise.race([
    watch.off.then((reason) => ({ reason })),
    qemu.exited.then(({ description }) => ({ description })),
  ]);
  while (clock.now() < deadline) {
    await pressButton(qemu, log);
    const end = await within(ended, Math.min(PRESS_MILLISECONDS, deadline - clock.now()), clock);
    if (end !== undefined) {
      return 'reason' in end
        ? quitAfterGuest(qemu, clock, end.reason)
        : { kind: 'Unclean', message: `QEMU ended before the guest had shut down: ${end.description}.` };
    }
  }
  log.warn({ seconds: options.gracePeriodSeconds }, 'The guest did not shut down in time; QEMU is ended');
  await qemu.qmp.execute('stop', z.unknown());
  await qemu.qmp.humanMonitor(`qemu-io ${DISK_NODE} flush`);
  const message = `The guest did not shut down within ${options.gracePeriodSeconds} s and was switched off.`;
  return quit(qemu, clock, { kind: 'Unclean', message });
}

/** Ends a QEMU whose guest has not run: nothing of it is on the disk, however QEMU ends. */
export async function quitBefore(qemu: Qemu, clock: Clock, message: string): Promise<NeverRan> {
  await quit(qemu, clock, { kind: 'Clean', message });
  return { kind: 'NeverRan', message };
}

/** Ends a QEMU whose guest is off, and says what that was. */
export function quitAfterGuest(qemu: Qemu, clock: Clock, reason: string): Promise<Ending> {
  if (reason === 'guest-shutdown') {
    return quit(qemu, clock, { kind: 'Clean', message: 'The guest shut down by itself.' });
  }
  // A crash of the guest resets it just as its own restart does: nothing proves that it had shut down before.
  const message =
    reason === 'guest-reset'
      ? 'The guest restarted itself while it was being stopped; whether it had shut down first is not known.'
      : `The guest is off (${reason}) without having shut down.`;
  return quit(qemu, clock, { kind: 'Unclean', message });
}

async function pressButton(qemu: Qemu, log: Logger): Promise<void> {
  const status = await qemu.qmp.execute('query-status', statusSchema);
  if (status.ok && status.value.status !== 'running') {
    await qemu.qmp.execute('cont', z.unknown());
  }
  const pressed = await qemu.qmp.execute('system_powerdown', z.unknown());
  log.info({ failure: pressed.ok ? undefined : pressed.failure }, 'Pressed the power button');
}

/** The ending is as given only when QEMU ends by itself and well: its last writes are on the volume then. */
async function quit(qemu: Qemu, clock: Clock, ending: Ending): Promise<Ending> {
  await qemu.qmp.execute('quit', z.unknown());
  const exited = await within(qemu.exited, QUIT_MILLISECONDS, clock);
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

async function within<T>(promise: Promise<T>, milliseconds: number, clock: Clock): Promise<T | undefined> {
  const done = new AbortController();
  const timeout = clock.sleep(Math.max(milliseconds, 0), done.signal).then(() => undefined);
  const result = await Promise.race([promise, timeout]);
  done.abort();
  return result;
}
