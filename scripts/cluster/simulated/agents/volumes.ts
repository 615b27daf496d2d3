import { STORAGE_CLASS } from '../objects.ts';
import type { Api, Follower, KubeObject } from './api.ts';

/** What of a claim its volume is made from, and what it shows when it has one. */
export interface Claim extends KubeObject {
  readonly spec: {
    readonly storageClassName?: string;
    readonly accessModes?: readonly string[];
    readonly volumeMode?: string;
    readonly resources?: { readonly requests?: { readonly storage?: string } };
  };
  readonly status?: { readonly phase?: string; readonly capacity?: { readonly storage?: string } };
}

const VOLUMES = '/api/v1/persistentvolumes';
const PREFIX = 'simulated-';
const MERGE = 'application/merge-patch+json';
/** What the controller that binds volumes would write down; the scheduler looks for it. */
const BOUND = { 'pv.kubernetes.io/bind-completed': 'yes', 'pv.kubernetes.io/bound-by-controller': 'yes' };

const nameOf = ({ metadata }: KubeObject) => `${PREFIX}${metadata.uid}`;
const keyOf = ({ metadata }: KubeObject) => `${metadata.namespace}/${metadata.name}`;
const sizeOf = ({ spec }: Claim) => spec.resources?.requests?.storage ?? '1Gi';

/** The volume that is this claim's from the start, so that nothing has to be matched. */
function volumeFor(claim: Claim): object {
  const { name, namespace, uid } = claim.metadata;
  return {
    apiVersion: 'v1',
    kind: 'PersistentVolume',
    metadata: { name: nameOf(claim) },
    spec: {
      capacity: { storage: sizeOf(claim) },
      accessModes: claim.spec.accessModes,
      volumeMode: claim.spec.volumeMode,
      storageClassName: STORAGE_CLASS,
      persistentVolumeReclaimPolicy: 'Retain',
      claimRef: { apiVersion: 'v1', kind: 'PersistentVolumeClaim', namespace, name, uid },
      csi: { driver: 'simulated', volumeHandle: uid },
    },
  };
}

/**
 * Makes a volume for each claim, binds them, enlarges it when more is asked for, and removes it after the claim. The
 * controllers that do so in a whole cluster work on one claim at a time, which everything would wait for. What fails is
 * tried again when the claims are told anew, which is after each trouble with the API server.
 */
export class Volumes implements Follower<Claim> {
  /** The claims by `namespace/name`. */
  readonly claims = new Map<string, Claim>();
  readonly #api: Api;
  /** Size that is being given to a claim, by its UID. */
  #given = new Map<string, string>();

  constructor(api: Api) {
    this.#api = api;
  }

  replaced(claims: readonly Claim[]): void {
    this.claims.clear();
    this.#given = new Map();
    for (const claim of claims) this.changed(claim);
    this.#attempt('remove left-over volumes', () => this.#removeLeftOver());
  }

  changed(claim: Claim): void {
    this.claims.set(keyOf(claim), claim);
    const { metadata, spec, status } = claim;
    if (metadata.deletionTimestamp !== undefined || spec.storageClassName !== STORAGE_CLASS) return;
    const size = sizeOf(claim);
    if (status?.capacity?.storage === size || this.#given.get(metadata.uid) === size) return;
    this.#given.set(metadata.uid, size);
    this.#attempt(`give ${keyOf(claim)} a volume`, () => this.#give(claim));
  }

  deleted(claim: Claim): void {
    this.claims.delete(keyOf(claim));
    this.#given.delete(claim.metadata.uid);
    this.#remove(nameOf(claim));
  }

  async #give(claim: Claim): Promise<void> {
    const { namespace, name, uid } = claim.metadata;
    const path = `/api/v1/namespaces/${namespace}/persistentvolumeclaims/${name}`;
    if (claim.status?.phase !== 'Bound') {
      // That it is there already is as good.
      await this.#api.ask('POST', VOLUMES, volumeFor(claim));
      const bound = { metadata: { uid, annotations: BOUND }, spec: { volumeName: nameOf(claim) } };
      await this.#api.ask('PATCH', path, bound, MERGE);
    }
    const { accessModes } = claim.spec;
    const status = { phase: 'Bound', accessModes, capacity: { storage: sizeOf(claim) } };
    await this.#api.ask('PATCH', `${path}/status`, { metadata: { uid }, status }, MERGE);
  }

  #remove(name: string): void {
    this.#attempt(`remove ${name}`, () => this.#api.ask('DELETE', `${VOLUMES}/${name}`));
  }

  /** Volumes of claims that went while nobody was told. */
  async #removeLeftOver(): Promise<void> {
    const wanted = new Set([...this.claims.values()].map(nameOf));
    const { items } = JSON.parse((await this.#api.ask('GET', VOLUMES)).text);
    const names = (items as KubeObject[]).map(({ metadata }) => metadata.name);
    for (const name of names) if (name.startsWith(PREFIX) && !wanted.has(name)) this.#remove(name);
  }

  #attempt(what: string, work: () => Promise<unknown>): void {
    work().catch((error: unknown) => process.stderr.write(`${what}: ${String(error)}\n`));
  }
}
