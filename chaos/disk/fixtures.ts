import { readFile, rm } from 'node:fs/promises';
import { execa } from 'execa';
import { sparseCopy } from '../../src/agent/disk/sparse-copy.ts';
import { planDisk } from '../../src/oci/assemble.ts';
import { fetchManifest, fetchSnapshot } from '../../src/oci/fetch.ts';
import { makeDisk, sha256Of } from '../../test/agent/disk-workbench.ts';
import { imageOf } from '../../test/oci/fixtures.ts';
import { TestRegistry } from '../../test/oci/registry.ts';

/** A snapshot in the registry, and the disk that it must become. */
export interface PushedSnapshot {
  readonly reference: string;
  readonly digest: string;
  readonly sha256: string;
  /** Bytes of its blobs. */
  readonly blobBytes: number;
}

export type SnapshotShape = 'chunked' | 'titled' | 'gzip' | 'zstd';

/** The real registry, and one disk in each of the shapes that a snapshot can have. */
export interface Fixtures {
  readonly registry: TestRegistry;
  /** A qcow2 file. */
  readonly disk: string;
  readonly sha256: string;
  readonly snapshots: Readonly<Record<SnapshotShape, PushedSnapshot>>;
  close(): Promise<void>;
}

/** Starts the registry and pushes the disk to it in every shape, with `oras`. */
export async function makeFixtures(
  make: (file: string) => Promise<void> = (file) => makeDisk(file, 3),
): Promise<Fixtures> {
  const registry = await TestRegistry.start();
  const disk = registry.file('win98.qcow2');
  await make(disk);
  const content = await readFile(disk);
  const image = (compression: 'gzip' | 'zstd') => imageOf([[{ name: 'snapshot.qcow2', content }]], compression);
  const digests: Readonly<Record<SnapshotShape, string>> = {
    chunked: await registry.publish('chaos/chunked:v1', disk),
    titled: await registry.pushFile('chaos/titled:v1', disk),
    gzip: await registry.push('chaos/gzip:v1', await image('gzip')),
    zstd: await registry.push('chaos/zstd:v1', await image('zstd')),
  };
  const pushed = (shape: SnapshotShape) => describe(registry, shape, digests[shape], disk);
  return {
    registry,
    disk,
    sha256: await sha256Of(disk),
    snapshots: {
      chunked: await pushed('chunked'),
      titled: await pushed('titled'),
      gzip: await pushed('gzip'),
      zstd: await pushed('zstd'),
    },
    close: () => registry[Symbol.asyncDispose](),
  };
}

/** What must come out; our own artifact is assembled once in peace and held against the disk that it was made of. */
async function describe(
  registry: TestRegistry,
  shape: SnapshotShape,
  digest: string,
  disk: string,
): Promise<PushedSnapshot> {
  const reference = `${registry.tls}/chaos/${shape}:v1`;
  const layout = registry.file(`layout-${shape}`);
  const made = registry.file(`${shape}.qcow2`);
  const access = registry.access();
  const snapshot = await fetchManifest(reference, digest, access);
  if (!snapshot.ok) throw new Error(snapshot.failure.message);
  const { totalBytes, manifest } = snapshot.value;
  // A file in the snapshot comes out as it went in; of our own artifact, the guest's bytes alone do.
  if (shape !== 'chunked') return { reference, digest, sha256: await sha256Of(disk), blobBytes: totalBytes };
  await fetchSnapshot({ reference, snapshot: snapshot.value, access, layout, onProgress: () => undefined });
  const planned = planDisk(layout, manifest, undefined);
  if (!planned.ok || planned.value.kind !== 'Content') throw new Error('no disk artifact');
  const { sha256 } = await sparseCopy(planned.value.content.read(), made);
  await execa('qemu-img', ['compare', '-f', 'qcow2', '-F', 'qcow2', made, disk]);
  await rm(layout, { recursive: true });
  return { reference, digest, sha256, blobBytes: totalBytes };
}
