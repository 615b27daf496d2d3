import { failed, type OciResult, success } from './failure.ts';

/** `registry/repository:tag` or `registry/repository@sha256:…`, taken apart. */
export interface Reference {
  /** Host and port. */
  readonly registry: string;
  readonly repository: string;
  readonly tag?: string;
  readonly digest?: string;
}

const REGISTRY = /^(?:[A-Za-z0-9.-]+|\[[0-9a-fA-F:.]+\])(?::\d+)?$/;
const REPOSITORY = /^[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*(?:\/[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*)*$/;
const TAG = /^\w[\w.-]{0,127}$/;
const DIGEST = /^sha256:[0-9a-f]{64}$/;

/** Takes a reference apart. There is no default registry and no default tag: a disk's origin is never guessed. */
export function parseReference(text: string): OciResult<Reference> {
  const slash = text.indexOf('/');
  const registry = text.slice(0, Math.max(slash, 0));
  const { name, tag, digest } = splitName(text.slice(slash + 1));
  if (!REGISTRY.test(registry) || !REPOSITORY.test(name)) return wrong(text, 'registry and repository');
  if (tag === undefined && digest === undefined) return wrong(text, 'tag or digest');
  if (tag !== undefined && !TAG.test(tag)) return wrong(text, 'tag');
  if (digest !== undefined && !DIGEST.test(digest)) return wrong(text, 'digest (sha256 and 64 hexadecimal digits)');
  return success({
    registry,
    repository: name,
    ...(tag === undefined ? {} : { tag }),
    ...(digest === undefined ? {} : { digest }),
  });
}

function splitName(rest: string): { name: string; tag?: string; digest?: string } {
  const at = rest.indexOf('@');
  const beforeDigest = at === -1 ? rest : rest.slice(0, at);
  const colon = beforeDigest.indexOf(':');
  return {
    name: colon === -1 ? beforeDigest : beforeDigest.slice(0, colon),
    ...(colon === -1 ? {} : { tag: beforeDigest.slice(colon + 1) }),
    ...(at === -1 ? {} : { digest: rest.slice(at + 1) }),
  };
}

function wrong(text: string, what: string) {
  return failed(
    'SnapshotReferenceInvalid',
    `The snapshot reference "${text}" has no usable ${what}. Write registry/repository:tag or registry/repository@sha256:….`,
  );
}

/** The repository, as the oras CLI takes it, with a tag or digest behind it. */
export function withDigest({ registry, repository }: Reference, digest: string): string {
  return `${registry}/${repository}@${digest}`;
}

/** Takes apart where something is to be pushed to: a tag and nothing more. */
export function parseTarget(text: string): OciResult<Reference> {
  const parsed = parseReference(text);
  if (!parsed.ok || parsed.value.digest === undefined) return parsed;
  return failed('SnapshotReferenceInvalid', `"${text}" names a digest. Say which tag to set: registry/repository:tag.`);
}
