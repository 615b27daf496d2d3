import type { Condition, EmulatorStatus, MachineStatus } from '../../api/emulator/schema.ts';
import { timedConditions } from '../../kube/conditions.ts';
import type { ConditionState, Facts } from './conditions/condition.ts';
import { wantedMachines } from './conditions/condition.ts';
import { conditionStates } from './conditions/index.ts';
import { selectorText } from './names.ts';
import { shorten } from './shorten.ts';

/** Characters of a condition's message, as the CRD allows them: with a longer one the whole status is refused. */
const LONGEST_MESSAGE = 32_768;

/** The whole status, from what is observed. Conditions keep their time while their status stays what it was. */
export function computeStatus(facts: Facts, now: Date): EmulatorStatus {
  const { emulator, pods } = facts.observed;
  const ready = wantedMachines(facts).filter((machine) => machine.ready).length;
  const origin = diskOrigin(facts.machines);
  return {
    ...(emulator.metadata.generation === undefined ? {} : { observedGeneration: emulator.metadata.generation }),
    replicas: pods.length,
    readyReplicas: ready,
    readyMachines: `${ready}/${emulator.spec.replicas}`,
    selector: selectorText(emulator.metadata.name),
    conditions: timed(conditionStates(facts), emulator.status?.conditions ?? [], emulator.metadata.generation, now),
    ...(facts.snapshot?.pinned === undefined ? {} : { snapshot: facts.snapshot.pinned }),
    ...(origin === undefined ? {} : { diskOrigin: origin }),
    machines: [...facts.machines],
  };
}

/** Adds since when each condition holds, and for which generation it was computed. */
export function timed(
  states: readonly ConditionState[],
  before: readonly Condition[],
  generation: number | undefined,
  now: Date,
): Condition[] {
  const short = states.map((state) => ({ ...state, message: shorten(state.message, LONGEST_MESSAGE) }));
  return timedConditions(short, before, { generation, now });
}

function diskOrigin(machines: readonly MachineStatus[]): EmulatorStatus['diskOrigin'] {
  const origins = new Set(machines.map(({ disk }) => disk?.origin).filter((origin) => origin !== undefined));
  const [first] = origins;
  return origins.size > 1 ? 'Mixed' : first;
}
