/**
 * The form of our own snapshots: layer by layer the guest's own bytes, addressed by where the guest sees them, so that
 * the next snapshot of a little-changed disk shares most layers. All-zero chunks are left out.
 */
export const DISK_ARTIFACT = {
  artifactType: 'application/vnd.loco.disk.v1',
  /** One chunk: zstd of {@link CHUNK_BYTES} bytes of the guest's disk (the last one of what is left). */
  chunkType: 'application/vnd.loco.disk.chunk.v1+zstd',
  annotations: {
    /** On a layer: its number; the chunk holds the guest's bytes from number x {@link CHUNK_BYTES}. */
    chunk: 'loco.mroie.github.io/chunk',
    /** On the manifest: bytes of the guest's disk. */
    virtualSize: 'loco.mroie.github.io/virtual-size',
    /** sha256, in hexadecimal, of all of the guest's bytes, those of left-out (all-zero) chunks included. */
    contentSha256: 'loco.mroie.github.io/content-sha256',
    /** Bytes of all layers together, as they are fetched. */
    totalSize: 'loco.mroie.github.io/total-size',
    /** Digest of what the machine's disk was made from, where that is known. */
    source: 'loco.mroie.github.io/source-digest',
    /** {@link DiskConsistency}. */
    consistency: 'loco.mroie.github.io/consistency',
    /** When the disk had this content (RFC 3339). */
    created: 'org.opencontainers.image.created',
  },
} as const;

/** How the guest left the disk: `Clean` after its own shutdown, `Unclean` when QEMU ended otherwise. */
export type DiskConsistency = 'Clean' | 'Unclean' | 'Unknown';

/** A manifest's empty config (OCI image-spec, "Guidance for an Empty Descriptor"). */
export const EMPTY_CONFIG = {
  mediaType: 'application/vnd.oci.empty.v1+json',
  digest: 'sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a',
  size: 2,
} as const;

export const CHUNK_BYTES = 16 * 1024 ** 2;
