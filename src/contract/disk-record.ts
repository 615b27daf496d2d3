import { z } from 'zod';

/** Where the bytes of a disk came from. A disk that was found on the volume without a record counts as imported. */
export const diskOriginSchema = z.enum(['Builtin', 'Snapshot', 'Imported']);

export type DiskOrigin = z.infer<typeof diskOriginSchema>;

/**
 * How QEMU last ended: the guest shut down by itself (`Clean`); the guest said that it is safe to switch off
 * (`SafeToPowerOff`); anything else (`Unclean`).
 */
const stopKindSchema = z.enum(['Clean', 'SafeToPowerOff', 'Unclean']);

export const lastStopSchema = z.object({ kind: stopKindSchema, at: z.iso.datetime(), message: z.string() });

export const lastCheckSchema = z.object({
  at: z.iso.datetime(),
  /** `Ok`: no error; `LeaksRepaired`: unused clusters were given back, no data touched. */
  result: z.enum(['Ok', 'LeaksRepaired']),
});

/** The damaged disk whose place this one took (`disk.onCorruption: Reprovision`). */
export const predecessorSchema = z.object({
  /** Where it lies on the volume now. */
  path: z.string(),
  /** Why it was taken out of use, as a CamelCase word and for people. */
  reason: z.string(),
  message: z.string(),
  at: z.iso.datetime(),
});

/**
 * What is known of the disk beside it: `.loco/disk.json` on the volume. Written after the disk was verified and
 * before it is visible under its name, and again at every start and stop of the guest.
 */
export const diskRecordSchema = z.object({
  schemaVersion: z.literal(1),
  /** Made anew for each disk that is published. */
  id: z.uuid(),
  inode: z.int(),
  /**
   * Nanoseconds since 1970 at which the file was made, in decimal; absent where the file system doesn't keep it. File
   * systems use inodes again: another file may have the number of one that was removed, but not its time as well.
   */
  birthTime: z.string().regex(/^\d+$/).optional(),
  /**
   * Nanoseconds since 1970 at which the file was last written, in decimal, as of this record. While no machine runs
   * nobody of ours writes to the disk: with another time, somebody else did.
   */
  modifiedTime: z.string().regex(/^\d+$/).optional(),
  /** Length of the qcow2 file when it was published, in bytes. */
  sizeBytes: z.int(),
  /** sha256 of the qcow2 file when it was published. */
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
  virtualSizeBytes: z.int(),
  origin: diskOriginSchema,
  /** Reference and digest of the snapshot, or path of the built-in disk, or how it was imported; for people. */
  source: z.object({ description: z.string(), reference: z.string().optional(), digest: z.string().optional() }),
  preparedAt: z.iso.datetime(),
  /** Fixed at the machine's first start: Windows 98 would find new hardware if these changed. */
  hardware: z.object({ machineType: z.string(), macAddress: z.string() }).optional(),
  /** `Running` is written before QEMU starts, and replaced by what happened when it ended. */
  state: z.enum(['Prepared', 'Running', 'Stopped']),
  lastStop: lastStopSchema.optional(),
  lastCheck: lastCheckSchema.optional(),
  predecessor: predecessorSchema.optional(),
});

export type DiskRecord = z.infer<typeof diskRecordSchema>;
export type Predecessor = z.infer<typeof predecessorSchema>;
export type LastStop = z.infer<typeof lastStopSchema>;
