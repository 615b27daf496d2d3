import { z } from 'zod';

/**
 * The virtual hardware and the policies of one machine, handed to the agent in the environment variable
 * `LOCO_MACHINE` as JSON. It stands in the pod template: a change of it takes effect when the pod is replaced.
 */
export const machineSettingsSchema = z.object({
  /** QEMU machine type; empty: the newest versioned `pc-i440fx-*`, resolved once and kept in the disk's record. */
  type: z.string(),
  /** QEMU CPU model. */
  cpu: z.string(),
  /** Guest memory in MiB. */
  memoryMiB: z.int().min(16).max(3072),
  acceleration: z.enum(['TCG', 'KVM']),
  video: z.enum(['std', 'cirrus', 'vmware']),
  sound: z.enum(['sb16', 'es1370', 'none']),
  nic: z.enum(['ne2k_pci', 'pcnet', 'rtl8139', 'none']),
  /** IANA time zone of the guest's clock (`-rtc base=localtime`). */
  timeZone: z.string(),
  pointer: z.enum(['PS2', 'USBTablet']),
  /** Appended to QEMU's arguments, one element an argument. */
  extraArgs: z.array(z.string()),
  /** Seconds that a guest has to shut down; the pod's own grace period is longer. */
  gracePeriodSeconds: z.int().min(5),
  onGuestPowerOff: z.enum(['Restart', 'Stay']),
  /** What the screen must show before the machine is ready. */
  readinessScreen: z.enum(['Graphics', 'Any']),
  /** Cache policy of the disk: PVC modes lose nothing that is older than 5 s, an Ephemeral disk is lost anyway. */
  diskCache: z.enum(['Durable', 'Writeback']),
});

export type MachineSettings = z.infer<typeof machineSettingsSchema>;
