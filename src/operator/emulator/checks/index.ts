import type { Observed } from '../observed.ts';
import type { Block } from './block.ts';
import { checkClaimCondemned } from './claim-condemned.ts';
import { checkClaimOwner } from './claim-owner.ts';
import { checkClaimRival } from './claim-rival.ts';
import { checkMemoryLimit } from './memory-limit.ts';
import { checkNameTaken } from './name-taken.ts';

/** What may stand in the way, in the order in which it is told. While one does, nothing is written but the status. */
const CHECKS: readonly ((observed: Observed) => Block | undefined)[] = [
  // A limit below what the machine may use would kill a guest at work.
  checkMemoryLimit,
  // Objects under our names that aren't ours are left alone.
  checkNameTaken,
  // A disk belongs to one Emulator.
  checkClaimOwner,
  // One that was to go with its Emulator goes.
  checkClaimCondemned,
  // And one that is nobody's yet will belong to one.
  checkClaimRival,
];

/** The first thing that stands in the way. */
export function findBlock(observed: Observed): Block | undefined {
  for (const check of CHECKS) {
    const block = check(observed);
    if (block !== undefined) return block;
  }
  return undefined;
}
