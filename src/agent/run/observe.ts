import { messageOf } from '../failure.ts';
import { DiskPause } from './disk-pause.ts';
import type { GuestWatch } from './guest-watch.ts';
import type { Machine } from './machine.ts';
import { judge, type Verdict } from './probes.ts';

/** Between two looks at a guest that hasn't come up, and at one that has. */
const LOOK_MILLISECONDS = { comingUp: 1000, up: 5000 } as const;

/**
 * Looks at the guest again and again, at once when QEMU has news, and lets it run on when its disk works again. A look
 * that fails doesn't cost the guest its life.
 * @returns when `until` aborts, or earlier, and then true, when QEMU can't write to its disk any more although the
 * volume can be written
 */
export async function observe(machine: Machine, watch: GuestWatch, until: AbortSignal): Promise<boolean> {
  const { clock, log, reserve } = machine;
  const pause = new DiskPause({ watch, reserve, clock, log });
  while (!until.aborted) {
    const { news } = watch;
    let outcome: Outcome = 'ComingUp';
    try {
      outcome = await look(machine, watch, pause, until);
    } catch (error) {
      log.error({ error: messageOf(error) }, 'A look at the guest failed');
    }
    if (outcome === 'Hopeless') return true;
    if (outcome === 'LookAgain') continue;
    const wait = outcome === 'Up' ? LOOK_MILLISECONDS.up : LOOK_MILLISECONDS.comingUp;
    await clock.sleep(wait, AbortSignal.any([until, news]));
  }
  return false;
}

type Outcome = 'ComingUp' | 'Up' | 'LookAgain' | 'Hopeless';

/** Reports what one look at the guest comes to, and acts where its disk has paused it. */
async function look(machine: Machine, watch: GuestWatch, pause: DiskPause, until: AbortSignal): Promise<Outcome> {
  const facts = await watch.gather();
  const verdict = judge(facts, machine.environment.machine.readinessScreen);
  if (until.aborted) return 'ComingUp';
  tell(machine, verdict);
  if (verdict.ready) watch.screenCameUp();
  if (verdict.phase === 'Paused' && (watch.diskError !== undefined || watch.isHeld)) {
    const tried = await pause.tryAgain(facts.volume);
    if (tried === 'Hopeless') return 'Hopeless';
    return tried === 'Resumed' ? 'LookAgain' : 'ComingUp';
  }
  return verdict.ready ? 'Up' : 'ComingUp';
}

function tell({ report, log }: Machine, verdict: Verdict): void {
  if (verdict.reason !== report.current.reason || verdict.ready !== report.current.ready) {
    log.info({ ...verdict }, 'The guest is in another state');
  }
  report.update(verdict);
}
