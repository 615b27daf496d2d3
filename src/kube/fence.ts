/**
 * What keeps a process that may have lost its leadership from writing.
 *
 * Everything that changes the cluster asks the fence in the same turn of the event loop in which its bytes leave, and
 * is aborted when the time that it was told is used up. What a fence can't exclude (a packet that a network holds back,
 * a machine whose clocks stood still while it was frozen) the preconditions of each write do: a UID, a resourceVersion,
 * or for a new object its name.
 */
export interface Fence {
  /** Milliseconds for which a write may be under way from now; 0: none may be sent. Infinity: there is no election. */
  remainingMs(): number;
}
