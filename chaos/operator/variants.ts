import { between, type Random } from '../random.ts';

/** A digest that no registry is asked for: what is pinned by one needs no answer. */
const PINNED = `registry.chaos.test/win98@sha256:${'c'.repeat(64)}`;

/** A kind of Emulator that takes part: what a person would write, and what else they would have made before. */
export interface Variant {
  /** How many of a hundred are of this kind. */
  readonly weight: number;
  /** Machines it may be scaled to; [n, n] stays as it is. */
  readonly replicas: readonly [number, number];
  /** The spec without `replicas`. */
  readonly spec: (name: string) => object;
  /** Objects that are there before it. */
  readonly companions?: (name: string) => readonly object[];
}

const claimOf = (name: string): string => `own-${name}`;

/** Somebody else's Service of the Emulator's name, with a controller that lives. */
function foreignService(name: string): object[] {
  const controller = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: `foreign-${name}` } };
  const service = {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name, annotations: { 'chaos.test/owned-by': `foreign-${name}` } },
    spec: { clusterIP: 'None', ports: [{ port: 80 }] },
  };
  return [controller, service];
}

function givenClaim(name: string): object[] {
  const metadata = { name: claimOf(name) };
  const spec = { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } };
  return [{ apiVersion: 'v1', kind: 'PersistentVolumeClaim', metadata, spec }];
}

export const VARIANTS = {
  persistent: { weight: 24, replicas: [1, 3], spec: () => ({ storage: { mode: 'Persistent', size: '1Gi' } }) },
  persistentDelete: {
    weight: 14,
    replicas: [1, 3],
    spec: () => ({
      storage: { mode: 'Persistent', size: '1Gi', retention: { whenDeleted: 'Delete', whenScaled: 'Delete' } },
    }),
  },
  ephemeral: { weight: 20, replicas: [1, 3], spec: () => ({ storage: { mode: 'Ephemeral', size: '1Gi' } }) },
  hybridPinned: {
    weight: 14,
    replicas: [1, 2],
    spec: () => ({ storage: { mode: 'Hybrid', size: '1Gi' }, disk: { snapshot: { reference: PINNED } } }),
  },
  stopped: {
    weight: 6,
    replicas: [1, 2],
    spec: () => ({ powerState: 'Stopped', storage: { mode: 'Persistent', size: '1Gi' } }),
  },
  noMachines: { weight: 3, replicas: [0, 0], spec: () => ({ storage: { mode: 'Ephemeral', size: '1Gi' } }) },
  unmanaged: {
    weight: 5,
    replicas: [1, 1],
    spec: () => ({ managementPolicy: 'Unmanaged', storage: { mode: 'Ephemeral', size: '1Gi' } }),
  },
  smallMemory: {
    weight: 4,
    replicas: [1, 1],
    spec: () => ({ storage: { mode: 'Ephemeral' }, pod: { resources: { limits: { memory: '128Mi' } } } }),
  },
  nameTaken: {
    weight: 3,
    replicas: [1, 1],
    spec: () => ({ storage: { mode: 'Ephemeral', size: '1Gi' } }),
    companions: foreignService,
  },
  claimMissing: {
    weight: 3,
    replicas: [1, 1],
    spec: (name) => ({ storage: { mode: 'Persistent', existingClaim: { name: claimOf(name) } } }),
  },
  claimGiven: {
    weight: 4,
    replicas: [1, 1],
    spec: (name) => ({ storage: { mode: 'Persistent', existingClaim: { name: claimOf(name) } } }),
    companions: givenClaim,
  },
} as const satisfies Record<string, Variant>;

export type VariantName = keyof typeof VARIANTS;

/** An Emulator as the user wants it. */
export interface Wanted {
  readonly name: string;
  readonly variant: VariantName;
  readonly replicas: number;
}

export function variantOf(name: VariantName): Variant {
  return VARIANTS[name];
}

/** Draws so many Emulators, each variant at least once where there is room, in an order of the seed's. */
export function drawPopulation(count: number, random: Random): Wanted[] {
  const names = Object.keys(VARIANTS) as VariantName[];
  const drawn = Array.from({ length: count }, (_, index) => names[index] ?? drawVariant(names, random));
  return shuffled(drawn, random).map((variant, index) => {
    const [least, most] = VARIANTS[variant].replicas;
    return { name: `emu-${String(index).padStart(3, '0')}`, variant, replicas: between(random, least, most) };
  });
}

function drawVariant(names: readonly VariantName[], random: Random): VariantName {
  let left = random() * names.reduce((sum, name) => sum + VARIANTS[name].weight, 0);
  for (const name of names) {
    left -= VARIANTS[name].weight;
    if (left < 0) return name;
  }
  return 'persistent';
}

/** The same items in an order of the seed's (Fisher and Yates). */
export function shuffled<T>(items: readonly T[], random: Random): T[] {
  const left = [...items];
  const taken: T[] = [];
  while (left.length > 0) taken.push(...left.splice(Math.floor(random() * left.length), 1));
  return taken;
}

/** The resource that the user writes. */
export function emulatorOf({ name, variant, replicas }: Wanted, namespace: string): object {
  return {
    apiVersion: 'loco.mroie.github.io/v1alpha1',
    kind: 'Emulator',
    metadata: { name, namespace },
    spec: { replicas, ...variantOf(variant).spec(name) },
  };
}
