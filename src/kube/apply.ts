import { createHash } from 'node:crypto';
import type { KubeClient } from './client.ts';
import { ApiError } from './errors.ts';
import { type KubeObject, keyOf, type Resource } from './object.ts';
import type { Store } from './store.ts';

/** Who applies, and where the hash of what was applied is kept. */
export interface Applier {
  readonly client: KubeClient;
  readonly fieldManager: string;
  /** Annotation on the object itself, never in a pod template: a hash there would restart pods. */
  readonly hashAnnotation: string;
  /** Is an object that the cache doesn't have ours all the same? */
  readonly isOurs: (existing: KubeObject) => boolean;
}

export type ApplyOutcome<T extends KubeObject> =
  | { readonly outcome: 'Unchanged' | 'Applied' }
  /** An object of that name is there and is not ours. It was left alone. */
  | { readonly outcome: 'Conflict'; readonly existing: T | undefined };

/**
 * Makes an object as wanted, and writes nothing when it is already: the hash says that we want the same as when we
 * applied it last, the comparison with the cached object that nobody changed it since.
 *
 * An object that the cache doesn't have may be somebody else's, and server-side apply would share it with them as long
 * as no field is set by both: so it is looked at first. It may be our own, too, when the cache is late. The apply goes
 * without force then, for who was faster in between.
 */
export async function applyIfChanged<T extends KubeObject>(
  applier: Applier,
  resource: Resource,
  store: Store<T>,
  wanted: T,
): Promise<ApplyOutcome<T>> {
  const desired = withHash(wanted, applier.hashAnnotation);
  const key = keyOf(desired);
  const cached = store.get(key);
  if (cached !== undefined && isCovered(desired, cached)) return { outcome: 'Unchanged' };
  const { client, fieldManager } = applier;
  const { namespace = '', name } = desired.metadata;
  const existing = cached ?? (await client.get<T>(resource, namespace, name));
  if (cached === undefined && existing !== undefined && !applier.isOurs(existing)) {
    return { outcome: 'Conflict', existing };
  }
  try {
    await store.ownWrite(key, () => client.apply<T>(resource, desired, { fieldManager, force: cached !== undefined }));
    return { outcome: 'Applied' };
  } catch (error) {
    if (cached === undefined && error instanceof ApiError && error.reason === 'Conflict') {
      return { outcome: 'Conflict', existing };
    }
    throw error;
  }
}

function withHash<T extends KubeObject>(object: T, annotation: string): T {
  const hash = createHash('sha256').update(JSON.stringify(object)).digest('hex').slice(0, 32);
  const annotations = { ...object.metadata.annotations, [annotation]: hash };
  return { ...object, metadata: { ...object.metadata, annotations } };
}

/** True when each field of `desired` stands in `actual` with the same value; what else is there doesn't matter. */
export function isCovered(desired: unknown, actual: unknown): boolean {
  if (desired === undefined) return true;
  if (Array.isArray(desired)) return Array.isArray(actual) ? isListCovered(desired, actual) : desired.length === 0;
  if (isRecord(desired)) {
    if (!isRecord(actual)) return Object.keys(desired).length === 0 && actual === undefined;
    return Object.entries(desired).every(([key, value]) => isCovered(value, actual[key]));
  }
  return desired === actual || sameQuantity(desired, actual);
}

/** Lists of named things may have others' entries among ours (server-side apply merges them); plain lists may not. */
function isListCovered(desired: readonly unknown[], actual: readonly unknown[]): boolean {
  const names = desired.map((item) => (isRecord(item) && typeof item['name'] === 'string' ? item['name'] : undefined));
  if (names.includes(undefined)) {
    return desired.length === actual.length && desired.every((item, index) => isCovered(item, actual[index]));
  }
  const byName = new Map(actual.filter(isRecord).map((item) => [item['name'], item]));
  return desired.every((item, index) => isCovered(item, byName.get(names[index])));
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

const QUANTITY = /^([0-9]+(?:\.[0-9]+)?)(m|k|M|G|T|P|E|Ki|Mi|Gi|Ti|Pi|Ei)?$/;
const EXPONENTS: Readonly<Record<string, number>> = { m: -1, k: 1, M: 2, G: 3, T: 4, P: 5, E: 6 };

/** The API server stores quantities in its own form: `0.5` as `500m`, `1024Mi` as `1Gi`. */
function sameQuantity(left: unknown, right: unknown): boolean {
  const value = (text: unknown): number | undefined => {
    const match = typeof text === 'string' ? QUANTITY.exec(text) : null;
    if (match === null) return undefined;
    const [, number, suffix = ''] = match;
    const exponent = EXPONENTS[suffix.charAt(0) === 'K' ? 'k' : suffix.charAt(0)] ?? 0;
    return Number(number) * (suffix.endsWith('i') ? 1024 : 1000) ** exponent;
  };
  const known = value(left);
  return known !== undefined && known === value(right);
}
