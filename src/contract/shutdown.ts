/**
 * What a machine gets beyond the guest's own time (`shutdown.gracePeriodSeconds`), in seconds: to flush the disk, to
 * end QEMU, and to write down how it ended. The agent keeps within each of them.
 */
export const AFTER_GUEST_SECONDS = { flush: 10, quit: 10, record: 10 } as const;

/** The pod's `terminationGracePeriodSeconds`: the guest's time, and all that comes after it. */
export function podGracePeriodSeconds(guestSeconds: number): number {
  const { flush, quit, record } = AFTER_GUEST_SECONDS;
  return guestSeconds + flush + quit + record;
}
