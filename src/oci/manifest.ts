import { z } from 'zod';
import { failed, type OciResult, success } from './failure.ts';

const descriptorSchema = z.object({
  mediaType: z.string(),
  digest: z.string().regex(/^sha256:[0-9a-f]{64}$/, 'only sha256 digests are known'),
  size: z.int().min(0),
  annotations: z.record(z.string(), z.string()).optional(),
});

const platformSchema = z.object({ os: z.string(), architecture: z.string() }).optional();

const manifestSchema = z.object({
  schemaVersion: z.literal(2),
  mediaType: z.string().optional(),
  artifactType: z.string().optional(),
  config: descriptorSchema,
  /** 127 GiB in chunks of 16 MiB are 8,128. */
  layers: z.array(descriptorSchema).max(10_000),
  annotations: z.record(z.string(), z.string()).optional(),
});

const indexSchema = z.object({
  schemaVersion: z.literal(2),
  manifests: z
    .array(descriptorSchema.extend({ platform: platformSchema }))
    .min(1)
    .max(1000),
});

export type Descriptor = z.infer<typeof descriptorSchema>;
export type Manifest = z.infer<typeof manifestSchema>;
export type Index = z.infer<typeof indexSchema>;

export type ManifestOrIndex =
  | { readonly kind: 'Manifest'; readonly manifest: Manifest }
  | { readonly kind: 'Index'; readonly index: Index };

/** Reads the JSON of a manifest or of an index of manifests. */
export function parseManifest(text: string): OciResult<ManifestOrIndex> {
  const json = parseJson(text);
  const index = indexSchema.safeParse(json);
  if (index.success) return success({ kind: 'Index', index: index.data });
  const manifest = manifestSchema.safeParse(json);
  if (manifest.success) return success({ kind: 'Manifest', manifest: manifest.data });
  const issue = manifest.error.issues[0];
  return failed(
    'SnapshotInvalid',
    `The snapshot's manifest can't be used (${issue?.path.join('.')}: ${issue?.message}).`,
  );
}

/**
 * The manifest of an index that is taken. A disk doesn't depend on the architecture that an image was built for, so
 * any will do, but always the same one: linux/amd64, else the first that isn't an attestation.
 */
export function chooseManifest(index: Index): Descriptor | undefined {
  const images = index.manifests.filter(
    ({ annotations }) => annotations?.['vnd.docker.reference.type'] !== 'attestation-manifest',
  );
  return images.find(({ platform }) => platform?.os === 'linux' && platform.architecture === 'amd64') ?? images[0];
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
