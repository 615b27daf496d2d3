import type { DiskPlan } from '../../../contract/disk-plan.ts';
import type { DiskOrigin, DiskRecord } from '../../../contract/disk-record.ts';
import type { Failure } from '../../failure.ts';
import type { Done } from '../progress.ts';

/** Where a disk can come from, by the names of `disk.source`. */
export type SourceName = 'Builtin' | 'Snapshot' | 'Import';

/** A disk in the staging folder, as long and with the hash that its source promised; not inspected yet. */
export interface StagedDisk {
  readonly path: string;
  readonly sizeBytes: number;
  readonly sha256: string;
  readonly origin: DiskOrigin;
  readonly source: DiskRecord['source'];
  /** The record's id, where the source knows it beforehand; else it is made at publication. */
  readonly id?: string;
}

/**
 * What became of an attempt at one source.
 * `Absent`: it isn't there; the next one in the row may be taken.
 * `Broken`: it is there and no use, and trying again alone won't change that; the next one may be taken.
 * `Failed`: it may work later; the row ends here, so that a hiccup never chooses another source.
 * `Waiting`: somebody has to do something first.
 */
export type StageResult =
  | { readonly kind: 'Staged'; readonly disk: StagedDisk }
  | { readonly kind: 'Absent' | 'Broken' | 'Failed'; readonly failure: Failure }
  | { readonly kind: 'Waiting'; readonly phase: 'AwaitingDisk' | 'AwaitingSnapshot'; readonly failure: Failure };

export interface StageOptions {
  readonly plan: DiskPlan;
  readonly signal: AbortSignal;
  readonly onProgress: (done: Done) => void;
}

/** One way to get a disk. All of them pass one suite: `test/oci/disk-source-conformance.test.ts`. */
export interface DiskSource {
  readonly name: SourceName;
  /** Brings the whole disk into the staging folder, durable. May be called again after any result and any crash. */
  stage(options: StageOptions): Promise<StageResult>;
  /** The disk that was staged is published, or refused for the reason given: tells whoever gave it, and tidies up. */
  settle(disk: StagedDisk, refused?: Failure): Promise<void>;
}
