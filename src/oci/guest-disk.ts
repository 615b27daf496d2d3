/** A part of a disk as the guest sees it; `bytes` are good until the next part is asked for. */
export type GuestPiece = { readonly bytes: Buffer } | { readonly zeros: number };

/** The guest's own bytes of a disk, in whatever form they lie in a file. */
export interface GuestDisk {
  readonly virtualBytes: number;
  /** All bytes from `from` to before `to`, in order and without a gap. */
  pieces(from: number, to: number): AsyncIterable<GuestPiece>;
}
