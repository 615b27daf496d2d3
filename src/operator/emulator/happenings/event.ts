import type { Happening } from '../../../kube/events.ts';

/** An event to be written about the Emulator. */
export type EmulatorEvent = Happening;
