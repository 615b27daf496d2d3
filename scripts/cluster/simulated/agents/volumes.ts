import { STORAGE_CLASS } from '../objects.ts';
import type { Api, Follower, KubeObject } from './api.ts';

/** What of a claim its volume is made from. */
export interface Claim extends KubeObject {
  readonly spec: {
    readonly volumeName?: string;
    readonly storageClassName?: string;
    readonly accessModes?: readonly string[];
    readonly volumeMode?: string;
    readonly resources?: { readonly requests?: { readonly storage?: string } };
  };
}

const VOLUMES = '/api/v1/persistentvolumes';
const PREFIX = 'simulated-';
const nameOf = ({ metadata }: KubeObject) => `${PREFIX}${metadata.uid}`;

/** The volume that is this claim's from the start, so that nothing has to be matched. */
export function volumeFor(claim: Claim): object {
  const { name, namespace, uid } = claim.metadata;
  return {
    apiVersion: 'v1',
    kind: 'PersistentVolume',
    metadata: { name: nameOf(claim) },
    spec: {
      capacity: { storage: claim.spec.resources?.requests?.storage ?? '1Gi' },
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
 * Makes a volume for each claim, and removes it after the claim. What fails is tried again when the claims are told
 * anew, which is after each trouble with the API server.
 */
export class Volumes implements Follower<Claim> {
  /** The claims by `namespace/name`. */
  readonly claims = new Map<string, Claim>();
  readonly #api: Api;
  #made = new Set<string>();

  constructor(api: Api) {
    this.#api = api;
  }

  replaced(claims: readonly Claim[]): void {
    this.claims.clear();
    this.#made = new Set();
    for (const claim of claims) this.changed(claim);
    this.#attempt('remove left-over volumes', () => this.#removeLeftOver());
  }

  changed(claim: Claim): void {
    this.claims.set(keyOf(claim), claim);
    const { uid, deletionTimestamp } = claim.metadata;
    if (claim.spec.volumeName !== undefined || claim.spec.storageClassName !== STORAGE_CLASS) return;
    if (deletionTimestamp !== undefined || this.#made.has(uid)) return;
    this.#made.add(uid);
    this.#attempt(`make a volume for ${keyOf(claim)}`, () => this.#api.ask('POST', VOLUMES, volumeFor(claim)));
  }

  deleted(claim: Claim): void {
    this.claims.delete(keyOf(claim));
    this.#made.delete(claim.metadata.uid);
    this.#remove(nameOf(claim));
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

function keyOf({ metadata }: KubeObject): string {
  return `${metadata.namespace}/${metadata.name}`;
}
