import type { ConditionState, Facts } from './condition.ts';
import { disksReady } from './disks-ready.ts';
import { disksWritable } from './disks-writable.ts';
import { reconciling, stalled } from './progress.ts';
import { ready } from './ready.ts';
import { restartRequired } from './restart-required.ts';
import { snapshotResolved } from './snapshot-resolved.ts';
import { volumesResized } from './volumes-resized.ts';

/** Every condition of an Emulator, in the order in which people read them. */
export function conditionStates(facts: Facts): ConditionState[] {
  return [
    ready(facts),
    reconciling(facts),
    stalled(facts),
    disksReady(facts),
    disksWritable(facts),
    snapshotResolved(facts),
    restartRequired(facts),
    volumesResized(facts),
  ].filter((state) => state !== undefined);
}
