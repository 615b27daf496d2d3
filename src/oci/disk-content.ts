/** The qcow2 file that a snapshot holds, as a stream. */
export interface DiskContent {
  /** What it was found as, for people. */
  readonly description: string;
  /** Length of the qcow2 file. */
  readonly sizeBytes: number;
  /**
   * The file's bytes, front to back. Throws a ContentError, at the end at the latest, when they are not what the
   * digests say: nothing that was written before the end of the stream is verified.
   */
  read(): AsyncIterable<Uint8Array>;
}
