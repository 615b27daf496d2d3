import { readDisks } from '../../test/e2e/support/disks-at-rest.ts';
import { Machine } from '../../test/e2e/support/machine.ts';
import type { Scenario } from '../../test/e2e/support/scenario.ts';
import { between, type Random } from '../random.ts';
import { type Outcome, type Strike, strike } from './strike.ts';

/** What came of all strikes. */
export interface StrikeCounts {
  readonly deletions: number;
  readonly cleanStops: number;
  readonly filesClean: number;
  readonly kills: number;
  readonly uncleanStops: number;
  /** Unclean stops that the status and a Warning told of. */
  readonly shown: number;
  /** Disks that were checked before their machine ran again after an unclean stop. */
  readonly checked: number;
  /** Strikes after which the boot counter wasn't one higher. */
  readonly lost: number;
  /** Disks in which qemu-img found errors at the end. */
  readonly damaged: number;
  /** Strikes of which anything was not as it should be, and damaged disks. */
  readonly wrong: number;
}

const NAME = 'struck';
const MACHINES = 2;
/** Milliseconds of load before a strike. */
const LOAD = { from: 500, to: 8000 } as const;

/** Strikes machines under disk load, side by side, in an order and at times that the random numbers give. */
export async function runStrikes(
  scenario: Scenario,
  wanted: { readonly deletions: number; readonly kills: number },
  random: Random,
  say: (message: string) => void,
): Promise<StrikeCounts> {
  const storage = { mode: 'Persistent', size: '1Gi' };
  await scenario.applyEmulator(NAME, { replicas: MACHINES, storage, shutdown: { gracePeriodSeconds: 120 } });
  const strikes = planStrikes(wanted, random);
  const outcomes: { kind: Strike['kind']; outcome: Outcome }[] = [];
  const work = async (machine: Machine) => {
    for (let next = strikes.shift(); next !== undefined; next = strikes.shift()) {
      const outcome = await strike(scenario, machine, next);
      outcomes.push({ kind: next.kind, outcome });
      say(`${next.kind} of ${machine.pod} after ${next.afterMilliseconds} ms of load: ${outcome.words}`);
    }
  };
  await Promise.all(Array.from({ length: MACHINES }, (_, ordinal) => work(new Machine(scenario, NAME, ordinal))));
  return countStrikes(outcomes, await countDamaged(scenario));
}

/** The strikes in a random order, each after a random time of load. */
function planStrikes(wanted: { readonly deletions: number; readonly kills: number }, random: Random): Strike[] {
  const kinds: Strike['kind'][] = [
    ...Array<'Delete'>(wanted.deletions).fill('Delete'),
    ...Array<'Kill'>(wanted.kills).fill('Kill'),
  ];
  return kinds
    .map((kind) => ({ order: random(), strike: { kind, afterMilliseconds: between(random, LOAD.from, LOAD.to) } }))
    .sort((left, right) => left.order - right.order)
    .map((planned) => planned.strike);
}

async function countDamaged(scenario: Scenario): Promise<number> {
  await scenario.patch(NAME, { powerState: 'Stopped' });
  await scenario.stopped(NAME);
  const disks = await readDisks(scenario, await scenario.claims());
  return disks.filter(({ check }) => check !== 'No errors were found on the image.').length;
}

function countStrikes(outcomes: readonly { kind: Strike['kind']; outcome: Outcome }[], damaged: number): StrikeCounts {
  const count = (kind: Strike['kind'], holds: (outcome: Outcome) => boolean = () => true) =>
    outcomes.filter((struck) => struck.kind === kind && holds(struck.outcome)).length;
  const isRight = ({ recorded, shown, guestAgrees, sameDisk, checked }: Outcome) =>
    recorded && shown && guestAgrees && sameDisk && checked;
  return {
    deletions: count('Delete'),
    cleanStops: count('Delete', ({ recorded }) => recorded),
    filesClean: count('Delete', ({ guestAgrees }) => guestAgrees),
    kills: count('Kill'),
    uncleanStops: count('Kill', ({ recorded }) => recorded),
    shown: count('Kill', ({ shown }) => shown),
    checked: count('Kill', ({ checked }) => checked),
    lost: outcomes.filter(({ outcome }) => !outcome.sameDisk).length,
    damaged,
    wrong: outcomes.filter(({ outcome }) => !isRight(outcome)).length + damaged,
  };
}
