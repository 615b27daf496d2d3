/** The qcow2 file that a snapshot holds, as a stream. */
export interface DiskContent {
  /** What it was found as, for people. */
  readonly description: string;
  /** Length of the qcow2 file. */
  readonly sizeBytes: number;
  /** Of the guest's disk, where the manifest tells it. */
  readonly virtualBytes?: number;
  /** The digest of the one blob that is this file, byte for byte. */
  readonly blob?: string;
  /**
   * The file's bytes, front to back. Throws a ContentError, at the end at the latest, when they are not what the
   * digests say: nothing that was written before the end of the stream is verified.
   */
  read(): AsyncIterable<Uint8Array>;
}
