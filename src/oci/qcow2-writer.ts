import { CHUNK_BYTES } from './disk-artifact.ts';

/** Where a chunk's bytes go in the qcow2 file. */
export interface ChunkPlace {
  readonly chunk: number;
  /** Bytes of the guest's disk in it. */
  readonly bytes: number;
  /** Bytes that it takes in the file: whole clusters. */
  readonly fileBytes: number;
}

/** A qcow2 file that is known but for its data: first `metadata`, then the chunks' clusters in order. */
export interface Qcow2Plan {
  readonly metadata: Buffer;
  readonly places: readonly ChunkPlace[];
  readonly fileBytes: number;
}

const CLUSTER = 64 * 1024;
const ENTRIES = CLUSTER / 8;
const REFCOUNTS = CLUSTER / 2;
const COPIED = 1n << 63n;

/**
 * Lays out a qcow2 file (version 3, 64 KiB clusters) that holds the given chunks of a disk and zeros elsewhere. The
 * same chunks always make the same file, written front to back in one go, with nothing kept in memory but its tables.
 * @param chunks ascending, without repetition
 */
export function planQcow2(virtualBytes: number, chunks: readonly number[]): Qcow2Plan {
  const places = chunks.map((chunk) => {
    const bytes = Math.min(CHUNK_BYTES, virtualBytes - chunk * CHUNK_BYTES);
    return { chunk, bytes, fileBytes: Math.ceil(bytes / CLUSTER) * CLUSTER };
  });
  const dataClusters = places.reduce((sum, { fileBytes }) => sum + fileBytes / CLUSTER, 0);
  const l1Entries = Math.ceil(virtualBytes / (ENTRIES * CLUSTER));
  const l1Clusters = Math.ceil(l1Entries / ENTRIES);
  const l2Tables = [...new Set(places.map(({ chunk }) => l2TableOf(chunk)))];
  const sizes = countRefcounts(1 + l1Clusters + l2Tables.length + dataClusters);
  const l1Cluster = 1 + sizes.tableClusters + sizes.blocks;
  const firstData = l1Cluster + l1Clusters + l2Tables.length;
  const metadata = Buffer.alloc(firstData * CLUSTER);
  writeHeader(metadata, { virtualBytes, l1Entries, l1Cluster, tableClusters: sizes.tableClusters });
  writeRefcounts(metadata, sizes, firstData + dataClusters);
  writeMapping(metadata, { l1Cluster, l2First: l1Cluster + l1Clusters, l2Tables, places, firstData });
  return { metadata, places, fileBytes: (firstData + dataClusters) * CLUSTER };
}

function l2TableOf(chunk: number): number {
  return Math.floor((chunk * CHUNK_BYTES) / (ENTRIES * CLUSTER));
}

interface RefcountSizes {
  readonly blocks: number;
  readonly tableClusters: number;
}

/** Refcount blocks count themselves and their table too, so their number is found step by step. */
function countRefcounts(others: number): RefcountSizes {
  let blocks = 1;
  for (;;) {
    const tableClusters = Math.ceil(blocks / ENTRIES);
    const needed = Math.ceil((others + blocks + tableClusters) / REFCOUNTS);
    if (needed <= blocks) return { blocks, tableClusters };
    blocks = needed;
  }
}

interface HeaderFields {
  readonly virtualBytes: number;
  readonly l1Entries: number;
  readonly l1Cluster: number;
  readonly tableClusters: number;
}

function writeHeader(file: Buffer, { virtualBytes, l1Entries, l1Cluster, tableClusters }: HeaderFields): void {
  file.writeUInt32BE(0x514649fb, 0);
  file.writeUInt32BE(3, 4);
  file.writeUInt32BE(Math.log2(CLUSTER), 20);
  file.writeBigUInt64BE(BigInt(virtualBytes), 24);
  file.writeUInt32BE(l1Entries, 36);
  file.writeBigUInt64BE(BigInt(l1Cluster * CLUSTER), 40);
  file.writeBigUInt64BE(BigInt(CLUSTER), 48);
  file.writeUInt32BE(tableClusters, 56);
  // Refcounts of 2^4 bits; a header of 104 bytes; the extensions end at once (zeros).
  file.writeUInt32BE(4, 96);
  file.writeUInt32BE(104, 100);
}

/** Every cluster of the file is used once. */
function writeRefcounts(file: Buffer, { blocks, tableClusters }: RefcountSizes, clusters: number): void {
  const firstBlock = 1 + tableClusters;
  for (let block = 0; block < blocks; block += 1) {
    file.writeBigUInt64BE(BigInt((firstBlock + block) * CLUSTER), CLUSTER + block * 8);
  }
  for (let cluster = 0; cluster < clusters; cluster += 1) {
    file.writeUInt16BE(1, firstBlock * CLUSTER + cluster * 2);
  }
}

interface Mapping {
  readonly l1Cluster: number;
  readonly l2First: number;
  readonly l2Tables: readonly number[];
  readonly places: readonly ChunkPlace[];
  readonly firstData: number;
}

function writeMapping(file: Buffer, { l1Cluster, l2First, l2Tables, places, firstData }: Mapping): void {
  const l2Cluster = new Map(l2Tables.map((table, index) => [table, l2First + index]));
  for (const [table, cluster] of l2Cluster) {
    file.writeBigUInt64BE(BigInt(cluster * CLUSTER) | COPIED, l1Cluster * CLUSTER + table * 8);
  }
  let data = firstData;
  for (const { chunk, fileBytes } of places) {
    const table = (l2Cluster.get(l2TableOf(chunk)) ?? 0) * CLUSTER;
    const first = ((chunk * CHUNK_BYTES) / CLUSTER) % ENTRIES;
    for (let index = 0; index < fileBytes / CLUSTER; index += 1, data += 1) {
      file.writeBigUInt64BE(BigInt(data * CLUSTER) | COPIED, table + (first + index) * 8);
    }
  }
}
