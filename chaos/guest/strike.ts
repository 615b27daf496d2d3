import { setTimeout as delay } from 'node:timers/promises';
import type { Machine } from '../../test/e2e/support/machine.ts';
import type { Scenario } from '../../test/e2e/support/scenario.ts';
import { eventually } from '../../test/e2e/support/wait.ts';

/** What is done to a machine under load, and after how long a time of it. */
export interface Strike {
  readonly kind: 'Delete' | 'Kill';
  readonly afterMilliseconds: number;
}

/** What the machine said of it when it ran again; true where it is as it should be. */
export interface Outcome {
  /** The record says how the guest ended: `Clean` after a deletion, `Unclean` after a kill. */
  readonly recorded: boolean;
  /** The Emulator's status says the same as the record, and after a kill a Warning tells of it. */
  readonly shown: boolean;
  /** The guest's own mark and its file system's agree with the record. */
  readonly guestAgrees: boolean;
  /** The boot counter is one higher than before: the same disk, with its last writes. */
  readonly sameDisk: boolean;
  /** After a kill the disk was checked before it ran again. */
  readonly checked: boolean;
  readonly words: string;
}

/** Puts load on the machine, strikes, waits until it runs again, and gathers what is said of it. */
export async function strike(scenario: Scenario, machine: Machine, { kind, afterMilliseconds }: Strike) {
  const boot = Number(await machine.said('boot'));
  await machine.type('load 0');
  await delay(afterMilliseconds);
  const struck = new Date().toISOString();
  // A new pod has a new log, a new QEMU goes on with the old one.
  const boots = kind === 'Delete' ? 0 : await machine.boots();
  await (kind === 'Delete' ? machine.deletePod() : machine.killQemu());
  await eventually(`${machine.pod} is up again`, async () => (await machine.boots()) > boots, 300_000);
  return judge(scenario, machine, { kind, boot, struck });
}

async function judge(
  scenario: Scenario,
  machine: Machine,
  { kind, boot, struck }: { kind: Strike['kind']; boot: number; struck: string },
): Promise<Outcome> {
  const stop = await machine.lastStop();
  const { disk } = await machine.report();
  const [clean, files, now] = await Promise.all([machine.said('clean'), machine.said('files'), machine.said('boot')]);
  const deleted = kind === 'Delete';
  return {
    recorded: stop !== undefined && stop.kind === (deleted ? 'Clean' : 'Unclean') && stop.at > struck,
    shown: deleted || (await isWarned(scenario, machine, stop?.message)),
    guestAgrees: clean === (deleted ? 'yes' : 'no') && files === (deleted ? 'clean' : 'dirty'),
    sameDisk: Number(now) === boot + 1,
    checked: deleted || (disk?.lastCheck?.at ?? '') > struck,
    words: `${stop?.kind}: ${stop?.message} (the guest: clean=${clean} files=${files} boot=${now})`,
  };
}

/** Whether an event of the Emulator tells of the unclean stop; it may come a moment after the status. */
async function isWarned(scenario: Scenario, machine: Machine, message: string | undefined): Promise<boolean> {
  const told = `${machine.pod}: Unclean: ${message}`;
  const found = eventually('an event tells of it', async () =>
    (await scenario.warnings(machine.emulator)).includes(told),
  );
  return found.then(
    () => true,
    () => false,
  );
}
