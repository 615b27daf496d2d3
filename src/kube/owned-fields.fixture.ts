import type { Applier } from './apply.ts';
import type { JsonPatchOperation } from './client.ts';
import { ApiError, type Cause } from './errors.ts';
import type { FieldsEntry, KubeObject } from './object.ts';

export type Fields = Readonly<Record<string, string>>;
export type DataObject = KubeObject & { readonly data?: Fields };

/** One change, as a watch tells of it. */
export interface Told {
  readonly type: 'Set' | 'Removed';
  readonly object: DataObject;
}

interface Entry {
  readonly manager: string;
  readonly operation: string;
  readonly fields: Set<string>;
}

const conflict = (causes: readonly Cause[] = []): ApiError => new ApiError(409, 'Conflict', 'no', { causes });

/** One object as an API server keeps it: with versions, and with who owns which of its fields. */
export class OwnedObject implements Pick<Applier, 'client'> {
  readonly told: Told[] = [];
  readonly requests: string[] = [];
  /** Called when a write has taken effect and its answer is on its way. */
  onAnswer: () => void = () => undefined;
  refusedCreates = 0;
  #stored: DataObject | undefined;
  #entries: Entry[] = [];
  #version = 0;
  #uid = 0;

  get stored(): DataObject | undefined {
    return this.#stored;
  }

  /** Fields that this manager owns, by whatever operation. */
  ownedBy(manager: string): string[] {
    const entries = this.#entries.filter((entry) => entry.manager === manager);
    return [...new Set(entries.flatMap(({ fields }) => [...fields]))].sort();
  }

  /** Somebody else sets a field, as with `kubectl edit`. */
  set(field: string, value: string): void {
    if (this.#stored === undefined) return;
    if (this.#stored.data?.[field] !== value) this.#disown([field]);
    this.#own('somebody', 'Update', [field]);
    this.#store({ ...this.#stored, data: { ...this.#stored.data, [field]: value } });
  }

  remove(): void {
    if (this.#stored === undefined) return;
    this.told.push({ type: 'Removed', object: this.#stored });
    this.#stored = undefined;
    this.#entries = [];
  }

  readonly client = {
    get: async <T extends KubeObject>(): Promise<T | undefined> => {
      this.requests.push('get');
      return this.#stored as T | undefined;
    },
    post: async <T extends KubeObject>(_: unknown, object: T, options?: { fieldManager?: string }): Promise<T> => {
      this.requests.push('post');
      if (this.#stored !== undefined) {
        this.refusedCreates += 1;
        throw new ApiError(409, 'AlreadyExists', 'it is there');
      }
      this.#uid += 1;
      const { data = {}, ...rest } = object as DataObject;
      this.#own(options?.fieldManager ?? '', 'Update', Object.keys(data));
      return this.#answer({ ...rest, metadata: { ...rest.metadata, uid: `uid-${this.#uid}` }, data });
    },
    jsonPatch: async <T extends KubeObject>(
      _: unknown,
      __: unknown,
      operations: readonly JsonPatchOperation[],
    ): Promise<T> => {
      this.requests.push('jsonPatch');
      const version = operations.find(({ path }) => path === '/metadata/resourceVersion')?.value;
      const stored = this.#precondition({ resourceVersion: version });
      const index = Number(operations.find(({ path }) => path.endsWith('/operation'))?.path.split('/')[3]);
      const entry = this.#entries[index];
      if (entry === undefined) throw new ApiError(422, 'Invalid', 'no such entry');
      this.#entries[index] = { ...entry, operation: 'Apply' };
      return this.#answer(stored);
    },
    apply: async <T extends KubeObject>(
      _: unknown,
      object: T,
      { fieldManager, force }: { fieldManager: string; force: boolean },
    ): Promise<T> => {
      this.requests.push('apply');
      const stored = this.#precondition(object.metadata);
      const { data = {} } = object as DataObject;
      const foreign = Object.keys(data).filter((field) => this.#isForeign(field, data[field], fieldManager));
      if (foreign.length > 0 && !force) {
        const message = 'conflict with "somebody" using v1';
        throw conflict(foreign.map((field) => ({ reason: 'FieldManagerConflict', message, field: `.data.${field}` })));
      }
      this.#disown(foreign);
      const before = this.#entries.find((each) => each.manager === fieldManager && each.operation === 'Apply');
      this.#entries = this.#entries.filter((each) => each !== before);
      this.#own(fieldManager, 'Apply', Object.keys(data));
      const owned = new Set(this.#entries.flatMap(({ fields }) => [...fields]));
      const dropped = [...(before?.fields ?? [])].filter((field) => !owned.has(field));
      const merged = Object.entries({ ...stored.data, ...data }).filter(([field]) => !dropped.includes(field));
      const metadata = { ...stored.metadata, annotations: object.metadata.annotations ?? {} };
      return this.#answer({ ...stored, metadata, data: Object.fromEntries(merged) });
    },
  };

  #precondition({ uid, resourceVersion }: { uid?: unknown; resourceVersion?: unknown }): DataObject {
    const stored = this.#stored;
    if (stored === undefined) throw conflict();
    if (uid !== undefined && uid !== stored.metadata.uid) throw conflict();
    if (resourceVersion !== stored.metadata.resourceVersion) throw conflict();
    return stored;
  }

  #isForeign(field: string, value: string | undefined, manager: string): boolean {
    const isMine = (entry: Entry): boolean => entry.manager === manager && entry.operation === 'Apply';
    return (
      this.#stored?.data?.[field] !== value && this.#entries.some((entry) => !isMine(entry) && entry.fields.has(field))
    );
  }

  #own(manager: string, operation: string, fields: readonly string[]): void {
    const entry = this.#entries.find((each) => each.manager === manager && each.operation === operation);
    if (entry === undefined) this.#entries.push({ manager, operation, fields: new Set(fields) });
    else for (const field of fields) entry.fields.add(field);
  }

  #disown(fields: readonly string[]): void {
    for (const entry of this.#entries) for (const field of fields) entry.fields.delete(field);
    this.#entries = this.#entries.filter((entry) => entry.fields.size > 0);
  }

  #answer<T extends KubeObject>(object: DataObject): T {
    const answer = this.#store(object) as KubeObject as T;
    this.onAnswer();
    return answer;
  }

  #store(object: DataObject): DataObject {
    this.#version += 1;
    const managedFields: FieldsEntry[] = this.#entries.map(({ manager, operation }) => ({ manager, operation }));
    const metadata = { ...object.metadata, resourceVersion: String(this.#version), managedFields };
    this.#stored = { ...object, metadata };
    this.told.push({ type: 'Set', object: this.#stored });
    return this.#stored;
  }
}
