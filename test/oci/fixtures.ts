import { buffer } from 'node:stream/consumers';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { pack } from 'tar-stream';
import type { Layer, Pushed } from './registry.ts';

export const MANIFEST = 'application/vnd.oci.image.manifest.v1+json';
const DOCKER_MANIFEST = 'application/vnd.docker.distribution.manifest.v2+json';

export type Entry =
  | { readonly name: string; readonly content: Buffer | string; readonly pax?: Readonly<Record<string, string>> }
  | { readonly name: string; readonly link: string }
  | { readonly name: string; readonly symlink: string }
  | { readonly name: string; readonly folder: true };

/** A tar archive with these entries, in order. */
export async function tarOf(entries: readonly Entry[]): Promise<Buffer> {
  const archive = pack();
  for (const entry of entries) {
    if ('content' in entry) {
      const header = { name: entry.name, ...(entry.pax && { pax: entry.pax }) };
      archive.entry(header, entry.content);
    } else if ('link' in entry) {
      archive.entry({ name: entry.name, type: 'link', linkname: entry.link });
    } else if ('symlink' in entry) {
      archive.entry({ name: entry.name, type: 'symlink', linkname: entry.symlink });
    } else {
      archive.entry({ name: entry.name, type: 'directory' });
    }
  }
  archive.finalize();
  return buffer(archive);
}

/** An image as docker and buildah push them. */
export async function imageOf(
  layers: readonly (readonly Entry[])[],
  compression: 'gzip' | 'zstd' | 'none' | 'docker' = 'gzip',
): Promise<Pushed> {
  const pushed = await Promise.all(layers.map(async (entries) => imageLayer(await tarOf(entries), compression)));
  const docker = compression === 'docker';
  return {
    mediaType: docker ? DOCKER_MANIFEST : MANIFEST,
    config: {
      mediaType: docker ? 'application/vnd.docker.container.image.v1+json' : 'application/vnd.oci.image.config.v1+json',
      bytes: Buffer.from('{"architecture":"amd64","os":"linux"}'),
    },
    layers: pushed,
  };
}

function imageLayer(tar: Buffer, compression: 'gzip' | 'zstd' | 'none' | 'docker'): Layer {
  switch (compression) {
    case 'docker':
      return { mediaType: 'application/vnd.docker.image.rootfs.diff.tar.gzip', bytes: gzipSync(tar) };
    case 'gzip':
      return { mediaType: 'application/vnd.oci.image.layer.v1.tar+gzip', bytes: gzipSync(tar) };
    case 'zstd':
      return { mediaType: 'application/vnd.oci.image.layer.v1.tar+zstd', bytes: zstdCompressSync(tar) };
    case 'none':
      return { mediaType: 'application/vnd.oci.image.layer.v1.tar', bytes: tar };
  }
}
