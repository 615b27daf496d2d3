import type { Qcow2Header } from '../disk/qcow2-header.ts';

/** Bytes of the guest's disk that lie in one place. */
export type GuestRun =
  | { readonly kind: 'Zero'; readonly bytes: number }
  | { readonly kind: 'Plain'; readonly bytes: number; readonly offset: number }
  | {
      readonly kind: 'Compressed';
      readonly bytes: number;
      /** Bytes of the unpacked cluster before the first one that is meant. */
      readonly skip: number;
      readonly offset: number;
      /** At most so many bytes of the file hold the packed cluster. */
      readonly packedBytes: number;
    };

type ClusterForm = Pick<Qcow2Header, 'clusterBytes' | 'extendedL2' | 'version'>;

const OFFSET_MASK = 0x00fffffffffffe00n;
const COMPRESSED = 1n << 62n;
const ALL_ZERO = 1n;
const SUBCLUSTERS = 32;

/** Where the bytes `from` to before `to` of one cluster lie, by its entry in the L2 table. */
export function* runOfEntry(form: ClusterForm, entry: Buffer, from: number, to: number): Generator<GuestRun> {
  const word = entry.readBigUInt64BE(0);
  if ((word & COMPRESSED) !== 0n) {
    yield compressedRun(form, word, from, to);
    return;
  }
  const offset = Number(word & OFFSET_MASK);
  if (form.extendedL2) {
    yield* subclusterRuns(form, { offset, bitmap: entry.readBigUInt64BE(8) }, from, to);
    return;
  }
  const zero = offset === 0 || (form.version === 3 && (word & ALL_ZERO) !== 0n);
  yield zero ? { kind: 'Zero', bytes: to - from } : { kind: 'Plain', bytes: to - from, offset: offset + from };
}

function compressedRun({ clusterBytes }: ClusterForm, word: bigint, from: number, to: number): GuestRun {
  const offsetBits = BigInt(62 - (Math.log2(clusterBytes) - 8));
  const offset = Number(word & ((1n << offsetBits) - 1n));
  const moreSectors = Number((word & (COMPRESSED - 1n)) >> offsetBits);
  const packedBytes = (moreSectors + 1) * 512 - (offset % 512);
  return { kind: 'Compressed', bytes: to - from, skip: from, offset, packedBytes };
}

/** The bitmap's lower half says which of 32 subclusters have data, its upper half which read as zeros. */
function* subclusterRuns(
  { clusterBytes }: ClusterForm,
  { offset, bitmap }: { readonly offset: number; readonly bitmap: bigint },
  from: number,
  to: number,
): Generator<GuestRun> {
  const size = clusterBytes / SUBCLUSTERS;
  for (let at = from; at < to; ) {
    const index = Math.floor(at / size);
    const end = Math.min(to, (index + 1) * size);
    const hasData = offset !== 0 && ((bitmap >> BigInt(index)) & 1n) === 1n;
    const bytes = end - at;
    yield hasData ? { kind: 'Plain', bytes, offset: offset + at } : { kind: 'Zero', bytes };
    at = end;
  }
}

/** Neighbours that also lie next to each other in the file become one. */
export async function* joined(runs: AsyncIterable<GuestRun>): AsyncGenerator<GuestRun> {
  let last: GuestRun | undefined;
  for await (const run of runs) {
    const both = last === undefined ? undefined : joinedPair(last, run);
    if (both === undefined && last !== undefined) yield last;
    last = both ?? run;
  }
  if (last !== undefined) yield last;
}

function joinedPair(one: GuestRun, next: GuestRun): GuestRun | undefined {
  const bytes = one.bytes + next.bytes;
  if (one.kind === 'Zero' && next.kind === 'Zero') return { kind: 'Zero', bytes };
  const adjacent = one.kind === 'Plain' && next.kind === 'Plain' && one.offset + one.bytes === next.offset;
  return adjacent ? { kind: 'Plain', bytes, offset: one.offset } : undefined;
}
