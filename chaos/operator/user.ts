import type { Admin, Answer } from './admin.ts';
import type { UserAction } from './plan.ts';
import { emulatorOf, type VariantName, variantOf, type Wanted } from './variants.ts';

/** What is noted while the user acts, for judging the end. */
export interface UserNotes {
  /** Claims that weren't their Emulator's yet, or not with what collects them, when the user deleted that. */
  readonly unowned: Set<string>;
}

/** Where an object of the core API is made. */
const PLURALS: Readonly<Record<string, string>> = {
  ConfigMap: 'configmaps',
  Service: 'services',
  PersistentVolumeClaim: 'persistentvolumeclaims',
};

interface Named {
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly uid?: string;
    readonly annotations?: Readonly<Record<string, string>>;
    readonly ownerReferences?: readonly { readonly uid: string }[];
  };
}

/** Carries out what users do, straight at the API server; each action is done when the API server says so. */
export class User {
  readonly #admin: Admin;
  readonly #namespace: string;
  readonly notes: UserNotes = { unowned: new Set() };

  constructor(admin: Admin, namespace: string) {
    this.#admin = admin;
    this.#namespace = namespace;
  }

  async act(action: UserAction): Promise<void> {
    if (action.kind === 'Create') return this.#create(action.wanted);
    if (action.kind === 'Delete') return this.#delete(action.name);
    if (action.kind === 'Recreate') {
      await this.#delete(action.wanted.name);
      return this.#create(action.wanted);
    }
    const spec =
      action.kind === 'Scale'
        ? { replicas: action.replicas }
        : action.kind === 'Power'
          ? { powerState: action.state }
          : { pod: { labels: { 'chaos.test/round': action.value } } };
    const contentType = 'application/merge-patch+json';
    const answer = await this.#admin.insist({
      method: 'PATCH',
      path: this.#emulator(action.name),
      body: { spec },
      contentType,
    });
    expectCode(answer, [200], `${action.kind} ${action.name}`);
  }

  #emulator(name = ''): string {
    return `/apis/loco.mroie.github.io/v1alpha1/namespaces/${this.#namespace}/emulators/${name}`.replace(/\/$/, '');
  }

  async #create(wanted: Wanted): Promise<void> {
    await this.#createCompanions(wanted.variant, wanted.name);
    const body = emulatorOf(wanted, this.#namespace);
    // Of a create whose answer was lost with the API server, the second says that it is there.
    const answer = await this.#admin.insist({ method: 'POST', path: this.#emulator(), body });
    expectCode(answer, [201, 409], `create ${wanted.name}`);
  }

  async #createCompanions(variant: VariantName, name: string): Promise<void> {
    for (const object of (variantOf(variant).companions?.(name) ?? []) as Named[]) {
      const path = `/api/v1/namespaces/${this.#namespace}/${PLURALS[object.kind]}`;
      const owned = await this.#withOwner(path, object);
      expectCode(await this.#admin.insist({ method: 'POST', path, body: owned }), [201, 409], `create ${object.kind}`);
    }
  }

  /** An owner must be there, or the garbage collector takes what it owns. */
  async #withOwner(path: string, object: Named): Promise<object> {
    const owner = object.metadata.annotations?.['chaos.test/owned-by'];
    if (owner === undefined) return object;
    const found = await this.#admin.insist({
      method: 'GET',
      path: `${path.replace('services', 'configmaps')}/${owner}`,
    });
    const uid = (found.body as Named).metadata.uid ?? '';
    const reference = { apiVersion: 'v1', kind: 'ConfigMap', name: owner, uid, controller: true };
    return { ...object, metadata: { ...object.metadata, ownerReferences: [reference] } };
  }

  async #delete(name: string): Promise<void> {
    const emulator = await this.#admin.insist({ method: 'GET', path: this.#emulator(name) });
    const uid = (emulator.body as Partial<Named>).metadata?.uid;
    const claims = await this.#admin.list<Named>(`/api/v1/namespaces/${this.#namespace}/persistentvolumeclaims`);
    const path = this.#emulator(name);
    expectCode(await this.#admin.insist({ method: 'DELETE', path }), [200, 404], `delete ${name}`);
    const after = await this.#admin.list<Named>(`/api/v1/namespaces/${this.#namespace}/persistentvolumeclaims`);
    for (const { metadata } of [...claims, ...after]) {
      const owned = metadata.ownerReferences?.some((reference) => reference.uid === uid) ?? false;
      if (metadata.name.startsWith(`win98-disk-${name}-`) && !owned) this.notes.unowned.add(metadata.name);
    }
  }
}

function expectCode({ code, body }: Answer, expected: readonly number[], what: string): void {
  if (!expected.includes(code)) throw new Error(`${what}: ${code} ${JSON.stringify(body)}`);
}
