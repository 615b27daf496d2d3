import { chosenOf } from './candidates.ts';
import type { DiskContent } from './disk-content.ts';
import { failed, type OciResult, success } from './failure.ts';
import { passBlob } from './layout.ts';
import type { Descriptor, Manifest } from './manifest.ts';

const TITLE = 'org.opencontainers.image.title';

const PACKED = [
  { ending: /\.gz$/, program: 'gunzip' },
  { ending: /\.zst$/, program: 'unzstd' },
  { ending: /\.xz$/, program: 'unxz' },
  { ending: /\.zip$/, program: 'unzip' },
] as const;

/** Whether a manifest is one of files with names, as `oras push` makes them. */
export function isTitled(manifest: Manifest): boolean {
  return manifest.layers.some(({ annotations }) => annotations?.[TITLE] !== undefined);
}

/** The disk among the named files of an ORAS artifact. */
export function titledDisk(layout: string, manifest: Manifest, wanted: string | undefined): OciResult<DiskContent> {
  const files = new Map<string, Descriptor>();
  for (const layer of manifest.layers) {
    const title = layer.annotations?.[TITLE];
    if (title !== undefined) files.set(`/${title.replace(/^(?:\.?\/)+/, '')}`, layer);
  }
  const chosen = chosenOf([...files.keys()], wanted, (name) => files.size === 1 || /\.qcow2(?:\.builtin)?$/.test(name));
  if (!chosen.ok) return chosen;
  const layer = files.get(chosen.value);
  if (layer === undefined) return failed('NoDiskInSnapshot', `The snapshot has no file ${chosen.value}.`);
  const packed = PACKED.find(({ ending }) => ending.test(chosen.value));
  if (packed !== undefined) {
    const message = `${chosen.value.slice(1)} in the snapshot is packed. Unpack it (${packed.program}) and push the qcow2 file itself; its parts are packed on their way where that helps (loco-agent publish).`;
    return failed('SnapshotInvalid', message);
  }
  return success({
    description: `file ${chosen.value.slice(1)} of an artifact`,
    sizeBytes: layer.size,
    blob: layer.digest,
    read: () => passBlob(layout, layer),
  });
}
