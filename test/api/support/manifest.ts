import { API_VERSION } from '../../../src/api/group.ts';
import type { StructuralSchema } from '../../../src/api/structural-schema.ts';
import { sampleOf } from './sample.ts';
import { parsePath, pathText, type SchemaPath } from './schema-walk.ts';

/** A JSON object, whatever is in it: half of them are wrong on purpose. */
export type Json = Record<string, unknown>;

/** An Emulator as a person would write it, without a namespace. */
export interface Manifest extends Json {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: Json;
}

/** An Emulator with this spec. `Unmanaged` and stopped, so that an operator makes nothing of stored ones. */
export function emulator(spec: Json, name = 'rules'): Manifest {
  return {
    apiVersion: API_VERSION,
    kind: 'Emulator',
    metadata: { name },
    spec: { managementPolicy: 'Unmanaged', powerState: 'Stopped', ...spec },
  };
}

const HYBRID = {
  storage: { mode: 'Hybrid' },
  disk: { snapshot: { reference: 'registry.example/snapshots:win98' } },
} as const;

const KVM = { acceleration: 'KVM', kvmResourceName: 'devices.kubevirt.io/kvm' } as const;

/** The smallest spec in which the field at `path` may have this value. */
function surroundings(path: string, value: unknown): Json {
  const needsSnapshot =
    path.startsWith('spec.disk.snapshot') ||
    (path === 'spec.storage.mode' && value === 'Hybrid') ||
    (path === 'spec.disk.source' && value === 'Snapshot');
  const needsKvm = path === 'spec.machine.kvmResourceName' || (path === 'spec.machine.acceleration' && value === 'KVM');
  return {
    ...(needsSnapshot ? HYBRID : { storage: { mode: 'Persistent' } }),
    ...(needsKvm ? { machine: KVM } : {}),
  };
}

/** Puts a value at a path into what is there already, with the required fields on the way. */
function withValue(
  at: { schema: StructuralSchema; path: SchemaPath },
  rest: SchemaPath,
  value: unknown,
  there: unknown,
): unknown {
  const [segment, ...further] = rest;
  if (segment === undefined) return value;
  const { schema, path } = at;
  const below = (child: StructuralSchema | undefined, old: unknown) =>
    withValue({ schema: child ?? {}, path: [...path, segment] }, further, value, old);
  if (segment === '[]') return [below(schema.items, undefined)];
  if (segment === '{}') return { key: below(schema.additionalProperties, undefined) };
  const known: Json = { ...(sampleOf(schema, path) as Json), ...((there ?? {}) as Json) };
  const changed = below(schema.properties?.[segment], known[segment]);
  const { [segment]: _old, ...others } = known;
  return changed === undefined ? others : { ...others, [segment]: changed };
}

/** A manifest, valid but perhaps for the value at `path`; undefined leaves that field out. */
export function manifestWith(root: StructuralSchema, path: SchemaPath, value: unknown): Manifest {
  const base = emulator(surroundings(pathText(path), value));
  return withValue({ schema: root, path: [] }, path, value, base) as Manifest;
}

/** As {@link manifestWith}, for a written path. */
export function manifestsAt(root: StructuralSchema, path: string): (value: unknown) => Manifest {
  return (value) => manifestWith(root, parsePath(path), value);
}
