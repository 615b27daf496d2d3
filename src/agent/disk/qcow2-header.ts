import { failed, type Result, success } from '../failure.ts';

/** IDE disks of the default machine and Windows 98's own tools end here. */
export const MAXIMUM_VIRTUAL_BYTES = 127 * 1024 ** 3;

/** So many bytes from the start of a file are enough for {@link parseQcow2Header}: the largest cluster. */
export const HEADER_BYTES = 2 * 1024 * 1024;

/** The fields of a qcow2 header that matter to us (QEMU's docs/interop/qcow2.txt). Offsets and sizes in bytes. */
export interface Qcow2Header {
  readonly version: 2 | 3;
  readonly clusterBytes: number;
  readonly virtualBytes: number;
  readonly l1Offset: number;
  readonly l1Entries: number;
  readonly refcountTableOffset: number;
  readonly refcountTableBytes: number;
  readonly snapshotCount: number;
  readonly snapshotsOffset: number;
  /** 32 subclusters per cluster, 16 bytes per L2 entry. */
  readonly extendedL2: boolean;
  /** Of compressed clusters, if there are any. */
  readonly compression: 'deflate' | 'zstd';
  /** Lazy refcounts that were not written back: the image wants a check before it is used. */
  readonly dirty: boolean;
}

const MAGIC = 0x514649fb;
const INCOMPATIBLE = { dirty: 1n, corrupt: 2n, externalData: 4n, compressionType: 8n, extendedL2: 16n } as const;
const KNOWN_INCOMPATIBLE = 0b11111n;
const EXTENSION = { end: 0, externalDataName: 0x44415441, encryption: 0x0537be77 } as const;
/** QEMU's own limits (block/qcow2.h). */
const MAXIMUM_L1_BYTES = 32 * 1024 ** 2;
const MAXIMUM_REFCOUNT_TABLE_BYTES = 8 * 1024 ** 2;
const MAXIMUM_SNAPSHOTS = 65_536;

/**
 * Reads the header of a qcow2 file (version 2 or 3) and refuses what must not reach a QEMU tool: backing files and
 * external data files (QEMU would open whatever they name), encryption, features that aren't known here, an image
 * marked corrupt, a virtual size above 127 GiB, and fields that make no sense.
 *
 * @param start the first {@link HEADER_BYTES} of the file, or all of a shorter one
 * @param fileBytes length of the whole file
 */
export function parseQcow2Header(start: Uint8Array, fileBytes: number): Result<Qcow2Header> {
  const view = new DataView(start.buffer, start.byteOffset, start.byteLength);
  if (start.byteLength < 4 || view.getUint32(0) !== MAGIC) {
    return failed('DiskNotQcow2', notQcow2(start, fileBytes));
  }
  if (start.byteLength < 72) return absurd(`the file ends after ${start.byteLength} bytes, inside its header`);
  const version = view.getUint32(4);
  if (version !== 2 && version !== 3) return absurd(`version ${version} is neither 2 nor 3`);
  if (version === 3 && start.byteLength < 104) {
    return absurd(`the file ends after ${start.byteLength} bytes, inside its header`);
  }
  const refused = refusedContent(view, version);
  if (refused !== undefined) return refused;
  const header = readFields(view, version);
  const problem = fieldProblem(view, header, fileBytes) ?? extensionProblem(view, header);
  if (problem !== undefined) return problem;
  return success(header);
}

function absurd(what: string) {
  return failed(
    'DiskHeaderInvalid',
    `The qcow2 header makes no sense: ${what}. The file is damaged or cut; take a whole copy of it.`,
  );
}

function notQcow2(start: Uint8Array, fileBytes: number): string {
  if (fileBytes === 0) return 'The file is empty; a qcow2 disk image is needed.';
  const known = nameOfFormat(start);
  return `The file is not a qcow2 image${known === undefined ? '' : ` but ${known}`}. Convert it: qemu-img convert -O qcow2 DISK win98.qcow2`;
}

function nameOfFormat(start: Uint8Array): string | undefined {
  const begins = (...bytes: number[]) => bytes.every((byte, index) => start[index] === byte);
  if (begins(0x1f, 0x8b)) return 'a gzip file (unpack it first)';
  if (begins(0x28, 0xb5, 0x2f, 0xfd)) return 'a zstd file (unpack it first)';
  if (begins(0x50, 0x4b, 0x03, 0x04)) return 'a zip archive (unpack it first)';
  if (begins(0x4b, 0x44, 0x4d, 0x56)) return 'a VMDK image';
  if (begins(0x63, 0x6f, 0x6e, 0x65, 0x63, 0x74, 0x69, 0x78)) return 'a VHD image';
  if (begins(0x76, 0x68, 0x64, 0x78)) return 'a VHDX image';
  if (begins(0x3c, 0x3c, 0x3c, 0x20)) return 'a VirtualBox VDI image';
  if (start[510] === 0x55 && start[511] === 0xaa) return 'a raw disk image';
  return undefined;
}

/** What is understood, and refused because QEMU would do something with it that nobody wants here. */
function refusedContent(view: DataView, version: 2 | 3) {
  if (view.getBigUint64(8) !== 0n || view.getUint32(16) !== 0) {
    return failed(
      'DiskHasBackingFile',
      'The image is an overlay: it needs another file (a backing file). Make it whole: qemu-img convert -O qcow2 OVERLAY win98.qcow2',
    );
  }
  if (view.getUint32(32) !== 0) {
    return failed('DiskEncrypted', 'The image is encrypted. Convert it to one that is not: qemu-img convert -O qcow2');
  }
  const incompatible = version === 3 ? view.getBigUint64(72) : 0n;
  if ((incompatible & INCOMPATIBLE.externalData) !== 0n) return externalData();
  if ((incompatible & ~KNOWN_INCOMPATIBLE) !== 0n) {
    const bits = [...Array(64).keys()].filter((bit) => ((incompatible & ~KNOWN_INCOMPATIBLE) >> BigInt(bit)) & 1n);
    return failed(
      'DiskFeatureUnknown',
      `The image uses qcow2 features that are not known here (incompatible bits ${bits.join(', ')}). Convert it: qemu-img convert -O qcow2 DISK win98.qcow2`,
    );
  }
  if ((incompatible & INCOMPATIBLE.corrupt) !== 0n) {
    return failed(
      'DiskCorrupt',
      'The image is marked corrupt by QEMU. Repair a copy of it (qemu-img check -r all) and look at what it holds, or take another one.',
    );
  }
  return undefined;
}

function externalData() {
  return failed(
    'DiskHasExternalData',
    'The image keeps its data in another file. Make it whole: qemu-img convert -O qcow2 DISK win98.qcow2',
  );
}

function readFields(view: DataView, version: 2 | 3): Qcow2Header {
  const incompatible = version === 3 ? view.getBigUint64(72) : 0n;
  const clusterBytes = 2 ** view.getUint32(20);
  return {
    version,
    clusterBytes,
    virtualBytes: Number(view.getBigUint64(24)),
    l1Entries: view.getUint32(36),
    l1Offset: Number(view.getBigUint64(40)),
    refcountTableOffset: Number(view.getBigUint64(48)),
    refcountTableBytes: view.getUint32(56) * clusterBytes,
    snapshotCount: view.getUint32(60),
    snapshotsOffset: Number(view.getBigUint64(64)),
    extendedL2: (incompatible & INCOMPATIBLE.extendedL2) !== 0n,
    compression: (incompatible & INCOMPATIBLE.compressionType) === 0n ? 'deflate' : 'zstd',
    dirty: (incompatible & INCOMPATIBLE.dirty) !== 0n,
  };
}

function fieldProblem(view: DataView, header: Qcow2Header, fileBytes: number) {
  const clusterBits = view.getUint32(20);
  if (clusterBits < 9 || clusterBits > 21) return absurd(`cluster_bits is ${clusterBits}, not 9 to 21`);
  if (header.extendedL2 && clusterBits < 14) return absurd(`cluster_bits ${clusterBits} with extended L2 entries`);
  if (header.virtualBytes === 0) return absurd('the disk in it has no bytes');
  if (header.virtualBytes > MAXIMUM_VIRTUAL_BYTES) {
    return failed(
      'DiskTooLarge',
      `The disk in the image has ${gibibytes(header.virtualBytes)} GiB; Windows 98 and its IDE disk end at 127 GiB. Shrink it: qemu-img resize --shrink`,
    );
  }
  const l2Covers = header.clusterBytes * (header.clusterBytes / (header.extendedL2 ? 16 : 8));
  const wanted = Math.ceil(header.virtualBytes / l2Covers);
  if (header.l1Entries < wanted) return absurd(`l1_size is ${header.l1Entries}, the disk needs ${wanted}`);
  if (header.l1Entries * 8 > MAXIMUM_L1_BYTES) return absurd(`l1_size is ${header.l1Entries}`);
  if (header.refcountTableBytes === 0 || header.refcountTableBytes > MAXIMUM_REFCOUNT_TABLE_BYTES) {
    return absurd(`the refcount table has ${header.refcountTableBytes} bytes`);
  }
  if (header.snapshotCount > MAXIMUM_SNAPSHOTS) return absurd(`${header.snapshotCount} internal snapshots`);
  return versionProblem(view, header) ?? placeProblem(header, fileBytes);
}

function versionProblem(view: DataView, header: Qcow2Header) {
  if (header.version === 2) return undefined;
  const headerLength = view.getUint32(100);
  if (headerLength < 104 || headerLength % 8 !== 0 || headerLength > header.clusterBytes) {
    return absurd(`header_length is ${headerLength}`);
  }
  const refcountOrder = view.getUint32(96);
  if (refcountOrder > 6) return absurd(`refcount_order is ${refcountOrder}`);
  const otherCompression = (view.getBigUint64(72) & INCOMPATIBLE.compressionType) !== 0n;
  const compression = headerLength > 104 && view.byteLength > 104 ? view.getUint8(104) : 0;
  // 0 is deflate, 1 is zstd; the feature bit says that it is not deflate.
  if (compression > 1 || otherCompression !== (compression === 1)) return absurd(`compression type is ${compression}`);
  return undefined;
}

function placeProblem(header: Qcow2Header, fileBytes: number) {
  const tables = [
    { name: 'L1 table', offset: header.l1Offset, bytes: header.l1Entries * 8 },
    { name: 'refcount table', offset: header.refcountTableOffset, bytes: header.refcountTableBytes },
    ...(header.snapshotCount > 0
      ? [{ name: 'snapshot table', offset: header.snapshotsOffset, bytes: header.snapshotCount * 40 }]
      : []),
  ];
  for (const { name, offset, bytes } of tables) {
    if (offset < header.clusterBytes || offset % (name === 'snapshot table' ? 8 : header.clusterBytes) !== 0) {
      return absurd(`the ${name} is at ${offset}`);
    }
    if (offset + bytes > fileBytes) {
      return failed(
        'DiskTruncated',
        `The file was cut: its ${name} ends at byte ${offset + bytes}, the file at ${fileBytes}. Copy it again, whole.`,
      );
    }
  }
  return undefined;
}

/** Walks the header extensions, which end at the first cluster's end at the latest. */
function extensionProblem(view: DataView, header: Qcow2Header) {
  const end = Math.min(header.clusterBytes, view.byteLength);
  let offset = header.version === 3 ? view.getUint32(100) : 72;
  while (offset + 8 <= end) {
    const type = view.getUint32(offset);
    const length = view.getUint32(offset + 4);
    if (type === EXTENSION.end) return undefined;
    if (type === EXTENSION.externalDataName) return externalData();
    if (type === EXTENSION.encryption) return failed('DiskEncrypted', 'The image is encrypted; convert it first.');
    if (offset + 8 + length > end) return absurd(`a header extension of ${length} bytes at ${offset}`);
    offset += 8 + Math.ceil(length / 8) * 8;
  }
  return undefined;
}

function gibibytes(bytes: number): string {
  return (bytes / 1024 ** 3).toFixed(1).replace('.0', '');
}
