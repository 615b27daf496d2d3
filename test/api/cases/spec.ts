import { emulator, type Json } from '../support/manifest.ts';
import type { RuleCase } from '../support/rule-case.ts';

const SNAPSHOT = { reference: 'registry.example/snapshots:win98' };

const machines = (mode: string, spec: Json = {}) => ({ create: emulator({ storage: { mode }, ...spec }) });

const withClaim = (replicas: number) => ({
  create: emulator({ replicas, storage: { mode: 'Persistent', existingClaim: { name: 'mine' } } }),
});

/** Relations between the parts of a spec: which mode goes with which source. */
export const specCases: readonly RuleCase[] = [
  {
    path: 'spec',
    says: 'storage.mode Persistent never downloads a disk: remove disk.snapshot',
    refused: [machines('Persistent', { disk: { snapshot: SNAPSHOT } })],
    allowed: [machines('Persistent'), machines('Hybrid', { disk: { snapshot: SNAPSHOT } })],
  },
  {
    path: 'spec',
    says: 'storage.mode Persistent never downloads a disk: set disk.source',
    refused: [machines('Persistent', { disk: { source: 'Snapshot' } })],
    allowed: [
      machines('Persistent', { disk: { source: 'Import' } }),
      machines('Persistent', { disk: { source: 'Builtin' } }),
      machines('Hybrid', { disk: { source: 'Snapshot', snapshot: SNAPSHOT } }),
    ],
  },
  {
    path: 'spec',
    says: 'storage.mode Hybrid needs a snapshot',
    refused: [machines('Hybrid'), machines('Hybrid', { disk: { source: 'Builtin' } })],
    allowed: [machines('Hybrid', { disk: { snapshot: SNAPSHOT } }), machines('Ephemeral')],
  },
  {
    path: 'spec',
    says: 'an Ephemeral machine would wait for an import',
    refused: [machines('Ephemeral', { disk: { source: 'Import' } })],
    allowed: [
      machines('Ephemeral', { disk: { source: 'Builtin' } }),
      machines('Hybrid', { disk: { source: 'Import', snapshot: SNAPSHOT } }),
    ],
  },
  {
    path: 'spec',
    says: 'storage.existingClaim is one disk',
    refused: [withClaim(2)],
    allowed: [withClaim(1), withClaim(0)],
  },
  {
    path: 'spec.disk',
    says: 'disk.source Snapshot needs disk.snapshot.reference',
    refused: [machines('Ephemeral', { disk: { source: 'Snapshot' } })],
    allowed: [machines('Ephemeral', { disk: { source: 'Snapshot', snapshot: SNAPSHOT } })],
  },
];
