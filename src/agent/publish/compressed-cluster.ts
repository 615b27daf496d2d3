import { constants, inflateRawSync, zstdDecompressSync } from 'node:zlib';
import type { Qcow2Header } from '../disk/qcow2-header.ts';

/**
 * Unpacks a compressed cluster. Its length is known in whole sectors only, so what follows it stands behind it.
 * @throws Error when that isn't exactly one cluster
 */
export function decompressCluster(
  { compression, clusterBytes }: Pick<Qcow2Header, 'compression' | 'clusterBytes'>,
  packed: Buffer,
): Buffer {
  const options = { maxOutputLength: clusterBytes };
  const cluster =
    compression === 'deflate'
      ? inflateRawSync(packed, { ...options, finishFlush: constants.Z_SYNC_FLUSH })
      : zstdDecompressSync(packed.subarray(0, zstdFrameBytes(packed)), options);
  if (cluster.length === clusterBytes) return cluster;
  throw new Error(`a compressed cluster of the file unpacks to ${cluster.length} bytes, not ${clusterBytes}`);
}

/** Length of the zstd frame that `packed` begins with (RFC 8878, 3.1.1). */
function zstdFrameBytes(packed: Buffer): number {
  const descriptor = packed.readUInt8(4);
  const singleSegment = (descriptor & 0x20) !== 0;
  const dictionaryBytes = [0, 1, 2, 4][descriptor & 3] ?? 0;
  const contentSizeBytes = [singleSegment ? 1 : 0, 2, 4, 8][descriptor >> 6] ?? 0;
  let offset = 5 + (singleSegment ? 0 : 1) + dictionaryBytes + contentSizeBytes;
  for (let last = false; !last; ) {
    const header = packed.readUIntLE(offset, 3);
    last = (header & 1) === 1;
    // A block of type 1 is one byte that is repeated.
    offset += 3 + (((header >> 1) & 3) === 1 ? 1 : header >> 3);
  }
  const checksumBytes = (descriptor & 4) === 0 ? 0 : 4;
  return Math.min(offset + checksumBytes, packed.length);
}
