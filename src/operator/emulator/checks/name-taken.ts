import type { Observed } from '../observed.ts';
import { REASONS } from '../reasons.ts';
import type { Block } from './block.ts';

/** Does an object that we need belong to somebody else? */
export function checkNameTaken({ emulator, foreignChildren }: Observed): Block | undefined {
  const foreign = foreignChildren.find(({ ofPredecessor }) => !ofPredecessor);
  if (foreign !== undefined) {
    const message =
      `${foreign.kind} ${foreign.name} in namespace ${emulator.metadata.namespace} belongs to somebody else. ` +
      `Delete it, or give this Emulator another name.`;
    return { kind: 'Stalled', reason: REASONS.NameTaken, message };
  }
  const old = foreignChildren[0];
  if (old === undefined) return undefined;
  const message = `${old.kind} ${old.name} of a deleted Emulator of this name is still being removed.`;
  return { kind: 'Waiting', reason: REASONS.PredecessorLeaving, message };
}
