import type { Admin } from './admin.ts';
import type { Damage, DamageKind } from './plan.ts';

interface Target {
  readonly metadata: {
    readonly name: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
  };
  readonly spec?: {
    readonly replicas?: number;
    readonly managementPolicy?: string;
    readonly volumes?: readonly { readonly persistentVolumeClaim?: { readonly claimName: string } }[];
  };
}

/** What was done to whom. */
export interface Done {
  readonly kind: DamageKind;
  readonly target: string;
  readonly emulator: string;
}

const INSTANCE = 'app.kubernetes.io/instance';
const MANAGED_BY = 'app.kubernetes.io/managed-by';
const OURS = `labelSelector=${encodeURIComponent(`${MANAGED_BY}=loco-operator`)}`;
const MERGE = 'application/merge-patch+json';

/** Does damage behind the operator's back, straight at the API server. */
export class Saboteur {
  readonly #admin: Admin;
  readonly #namespace: string;

  constructor(admin: Admin, namespace: string) {
    this.#admin = admin;
    this.#namespace = namespace;
  }

  /** Waits for the API server where it has to. Undefined when there was nothing to strike. */
  async strike({ kind, pick }: Damage): Promise<Done | undefined> {
    const plural = PLURALS[kind];
    const group = plural === 'statefulsets' ? '/apis/apps/v1' : '/api/v1';
    const base = plural === 'emulators' ? '/apis/loco.mroie.github.io/v1alpha1' : group;
    const path = `${base}/namespaces/${this.#namespace}/${plural}`;
    const found = await this.#admin.insist({ method: 'GET', path: plural === 'emulators' ? path : `${path}?${OURS}` });
    if (found.code !== 200) return undefined;
    const items = (found.body as { items: Target[] }).items.filter((item) => isStruck(kind, item));
    const sorted = items.sort((left, right) => left.metadata.name.localeCompare(right.metadata.name));
    const target = sorted[Math.floor(pick * sorted.length)];
    if (target === undefined || !(await this.#do(kind, `${path}/${target.metadata.name}`, target))) return undefined;
    const { name, labels } = target.metadata;
    return { kind, target: name, emulator: labels?.[INSTANCE] ?? name };
  }

  async #do(kind: DamageKind, path: string, target: Target): Promise<boolean> {
    if (kind === 'DeleteClaimAndPod') {
      const claim = claimOf(target);
      const claims = path.replace(/pods\/[^/]+$/, `persistentvolumeclaims/${claim}`);
      if (!(await this.#delete(claims))) return false;
      // The claim goes when no pod has it any more.
      await this.#admin.insist({ method: 'DELETE', path });
      return true;
    }
    if (kind.startsWith('Delete')) return this.#delete(path);
    const at = kind === 'ChangeStatus' ? `${path}/status` : path;
    const body = CHANGES[kind]?.(target);
    const { code } = await this.#admin.insist({ method: 'PATCH', path: at, body, contentType: MERGE });
    return code === 200;
  }

  async #delete(path: string): Promise<boolean> {
    const { code } = await this.#admin.insist({ method: 'DELETE', path });
    // Of a deletion whose answer was lost, the second finds nothing.
    return [200, 202, 404].includes(code);
  }
}

const PLURALS: Readonly<Record<DamageKind, string>> = {
  DeleteStatefulSet: 'statefulsets',
  DeleteService: 'services',
  DeletePlan: 'configmaps',
  DeletePod: 'pods',
  DeleteClaimAndPod: 'pods',
  ScaleStatefulSet: 'statefulsets',
  ChangeService: 'services',
  ChangePlan: 'configmaps',
  UnlabelPlan: 'configmaps',
  UnlabelService: 'services',
  UnannotateClaim: 'persistentvolumeclaims',
  ChangeStatus: 'emulators',
};

function claimOf({ spec }: Target): string | undefined {
  return spec?.volumes?.map(({ persistentVolumeClaim }) => persistentVolumeClaim?.claimName).find(Boolean);
}

function isStruck(kind: DamageKind, target: Target): boolean {
  return kind !== 'DeleteClaimAndPod' || (claimOf(target)?.startsWith('win98-disk-') ?? false);
}

/** Merge patches. */
const CHANGES: Partial<Record<DamageKind, (target: Target) => object>> = {
  ScaleStatefulSet: ({ spec }) => ({ spec: { replicas: spec?.replicas === 0 ? 1 : 0 } }),
  ChangeService: () => ({ spec: { selector: { [INSTANCE]: 'nobody' } } }),
  ChangePlan: () => ({ data: { 'plan.json': '{}\n' } }),
  UnlabelPlan: () => ({ metadata: { labels: { [MANAGED_BY]: null } } }),
  UnlabelService: () => ({ metadata: { labels: { [MANAGED_BY]: null } } }),
  UnannotateClaim: () => ({ metadata: { annotations: { 'loco.mroie.github.io/emulator': null } } }),
  ChangeStatus: () => ({ status: { replicas: 77 } }),
};
