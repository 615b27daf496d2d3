import { CONDITIONS, REASONS } from '../reasons.ts';
import { hasGuest, writeTrouble } from '../write-trouble.ts';
import { type ConditionState, type Facts, nameSome } from './condition.ts';

const type = CONDITIONS.DisksWritable;

/** Can every guest write to its disk? One that can't is paused, and loses nothing while it waits. */
export function disksWritable({ observed, machines }: Facts): ConditionState {
  const [first, ...others] = machines.filter((machine) => writeTrouble(machine) !== undefined);
  const reason = first && writeTrouble(first);
  if (first !== undefined && reason !== undefined) {
    const more = others.length === 0 ? '' : ` Not writable either: the disks of ${nameSome(others)}.`;
    return { type, status: 'False', reason, message: `${first.pod}: ${first.message}${more}` };
  }
  if (!machines.some(hasGuest)) {
    const silent = observed.pods.find(
      ({ uid, running, deleting }) => running && !deleting && observed.contacts.get(uid)?.report === undefined,
    );
    if (silent !== undefined) {
      const message = `It is not known yet: the agent of ${silent.name} has not answered`;
      return { type, status: 'Unknown', reason: REASONS.AwaitingReport, message };
    }
    const message = 'No machine runs, so that none writes to its disk';
    return { type, status: 'Unknown', reason: REASONS.NoMachineRuns, message };
  }
  const message = 'Every machine that runs can write to its disk';
  return { type, status: 'True', reason: CONDITIONS.DisksWritable, message };
}
