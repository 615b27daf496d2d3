import { emulator, type Json, manifestsAt } from '../support/manifest.ts';
import { root } from '../support/root.ts';
import type { RuleCase } from '../support/rule-case.ts';

const SNAPSHOT = { reference: 'registry.example/snapshots:win98' };

function stored(storage: Json) {
  const disk = storage['mode'] === 'Hybrid' ? { snapshot: SNAPSHOT } : {};
  return emulator({ storage, disk });
}

const persistent = (storage: Json = {}) => ({ mode: 'Persistent', ...storage });
const ephemeral = (storage: Json = {}) => ({ mode: 'Ephemeral', ...storage });
const ownClaim = (storage: Json = {}) => persistent({ existingClaim: { name: 'mine' }, ...storage });

const create = (storage: Json) => ({ create: stored(storage) });
const change = (before: Json, after: Json) => ({ before: stored(before), after: stored(after) });

const size = manifestsAt(root, 'spec.storage.size');
const template = manifestsAt(root, 'spec.storage.claimTemplateName');

/** Settings of a PVC, each with values that aren't its default. */
const CLAIM_SETTINGS: Readonly<Record<string, readonly Json[]>> = {
  storageClassName: [{ storageClassName: 'fast' }, { storageClassName: '' }],
  accessMode: [{ accessMode: 'ReadWriteOncePod' }],
  claimTemplateName: [{ claimTemplateName: 'disk' }],
  retention: [{ retention: { whenDeleted: 'Delete' } }, { retention: { whenScaled: 'Delete' } }],
};

const withoutEffect: readonly RuleCase[] = Object.entries(CLAIM_SETTINGS).flatMap(([field, settings]) => [
  {
    path: 'spec.storage',
    says: `an Ephemeral machine has no PVC, so storage.${field} would do nothing`,
    refused: settings.map((setting) => create(ephemeral(setting))),
    allowed: [create(ephemeral()), ...settings.map((setting) => create(persistent(setting)))],
  },
  {
    path: 'spec.storage',
    says: `storage.existingClaim names a PVC that is yours, so storage.${field} would do nothing`,
    refused: settings.map((setting) => create(ownClaim(setting))),
    allowed: [create(ownClaim())],
  },
]);

export const storageCases: readonly RuleCase[] = [
  {
    path: 'spec.storage',
    says: 'storage.mode can be changed between Persistent and Hybrid only',
    refused: [
      change(ephemeral(), persistent()),
      change(persistent(), ephemeral()),
      change({ mode: 'Hybrid' }, ephemeral()),
      change(ephemeral(), { mode: 'Hybrid' }),
    ],
    allowed: [
      change(persistent(), { mode: 'Hybrid' }),
      change({ mode: 'Hybrid' }, persistent()),
      change(ephemeral(), ephemeral()),
    ],
  },
  {
    path: 'spec.storage',
    says: "storage.storageClassName can't be changed",
    refused: [
      change(persistent(), persistent({ storageClassName: 'fast' })),
      change(persistent({ storageClassName: 'fast' }), persistent()),
      change(persistent({ storageClassName: 'fast' }), persistent({ storageClassName: '' })),
    ],
    allowed: [
      change(persistent(), persistent()),
      change(persistent({ storageClassName: 'fast' }), persistent({ storageClassName: 'fast' })),
    ],
  },
  {
    path: 'spec.storage',
    says: "storage.accessMode can't be changed",
    refused: [
      change(persistent(), persistent({ accessMode: 'ReadWriteOncePod' })),
      change(persistent({ accessMode: 'ReadWriteOncePod' }), persistent()),
    ],
    allowed: [change(persistent(), persistent({ accessMode: 'ReadWriteOnce' }))],
  },
  {
    path: 'spec.storage',
    says: "storage.claimTemplateName can't be changed",
    refused: [
      change(persistent(), persistent({ claimTemplateName: 'disk' })),
      change(persistent({ claimTemplateName: 'disk' }), persistent()),
    ],
    allowed: [change(persistent(), persistent({ claimTemplateName: 'win98-disk' }))],
  },
  {
    path: 'spec.storage',
    says: "storage.existingClaim can't be changed",
    refused: [
      change(persistent(), ownClaim()),
      change(ownClaim(), persistent()),
      change(ownClaim(), persistent({ existingClaim: { name: 'other' } })),
    ],
    allowed: [change(ownClaim(), ownClaim())],
  },
  {
    path: 'spec.storage',
    says: 'storage.size never shrinks',
    refused: [
      change(persistent({ size: '1Gi' }), persistent({ size: '1023Mi' })),
      change(persistent({ size: '5Gi' }), persistent()),
    ],
    allowed: [
      change(persistent({ size: '1Gi' }), persistent({ size: '1024Mi' })),
      change(persistent({ size: '1Gi' }), persistent({ size: '1025Mi' })),
      change(ephemeral({ size: '2Gi' }), ephemeral({ size: '1Gi' })),
    ],
  },
  {
    path: 'spec.storage',
    says: 'an Ephemeral machine keeps nothing',
    refused: [create(ephemeral({ existingClaim: { name: 'mine' } }))],
    allowed: [create(ownClaim())],
  },
  ...withoutEffect,
  {
    path: 'spec.storage',
    says: 'storage.existingClaim names a PVC that is yours, so storage.size would do nothing',
    refused: [create(ownClaim({ size: '8Gi' })), create(ownClaim({ size: '1Gi' }))],
    allowed: [create(ownClaim({ size: '4096Mi' })), create(persistent({ size: '8Gi' }))],
  },
  {
    path: 'spec.storage.size',
    says: 'must be at least 64Mi',
    refused: [{ create: size('63Mi') }, { create: size('0') }, { create: size('65535Ki') }],
    allowed: [{ create: size('64Mi') }],
  },
  {
    path: 'spec.storage.claimTemplateName',
    says: "must be the beginning of the PVCs' names",
    refused: ['', 'Disk', 'my.disk', '-disk', 'disk-'].map((name) => ({ create: template(name) })),
    allowed: ['d', '98-disk'].map((name) => ({ create: template(name) })),
  },
  {
    path: 'spec.storage.claimTemplateName',
    says: 'must not begin with loco-',
    refused: ['loco-tmp', 'loco-x'].map((name) => ({ create: template(name) })),
    allowed: ['loco', 'locomotive', 'my-loco-disk'].map((name) => ({ create: template(name) })),
  },
];
