import type { DiskPlan } from '../../contract/disk-plan.ts';
import type { SourceName } from './sources/source.ts';

/** The sources that may give this machine its disk, in the order in which they are tried. */
export function sourcesFor(plan: DiskPlan): readonly SourceName[] {
  if (plan.source !== 'Auto') return [plan.source];
  switch (plan.mode) {
    // Nothing is ever downloaded; where the image has no disk, a person brings one.
    case 'Persistent':
      return ['Builtin', 'Import'];
    case 'Hybrid':
      return ['Builtin', 'Snapshot'];
    // No import: a wait for a person at every start makes no sense.
    case 'Ephemeral':
      return plan.snapshot === undefined ? ['Builtin'] : ['Builtin', 'Snapshot'];
  }
}

/** Whether `loco-agent import` may give this machine its disk. */
export function importPossible(plan: DiskPlan): boolean {
  return plan.mode !== 'Ephemeral' && sourcesFor(plan).includes('Import');
}
