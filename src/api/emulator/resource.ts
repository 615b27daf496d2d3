import type { ResourceDefinition } from '../resource.ts';
import { emulatorSpecSchema } from './spec.ts';
import { emulatorStatusSchema } from './status.ts';

/** Pods are called `<emulator>-<ordinal>` and labels hold 63 characters, hashes of StatefulSets included. */
const LONGEST_NAME = 52;

const readyCondition = (field: string) => `.status.conditions[?(@.type=="Ready")].${field}`;

/** The Emulator: one resource, any number of Windows 98 machines. */
export const emulatorResource: ResourceDefinition = {
  kind: 'Emulator',
  plural: 'emulators',
  singular: 'emulator',
  shortNames: ['emu'],
  description: 'A number of Windows 98 machines in QEMU, each with a disk of its own.',
  spec: emulatorSpecSchema,
  status: emulatorStatusSchema,
  rules: [
    {
      rule: `self.metadata.name.size() <= ${LONGEST_NAME}`,
      message: `metadata.name must have at most ${LONGEST_NAME} characters, because the names of pods and labels are made from it: choose a shorter name`,
      fieldPath: '.metadata.name',
    },
    {
      rule: "self.metadata.name.matches('^[a-z]([-a-z0-9]*[a-z0-9])?$')",
      message:
        'metadata.name must begin with a letter and have lower case letters, digits and - only, because a Service gets this name: choose another name',
      fieldPath: '.metadata.name',
    },
  ],
  columns: [
    {
      name: 'Ready',
      type: 'string',
      jsonPath: readyCondition('status'),
      description: 'Whether every machine that is wanted is ready',
    },
    { name: 'Desired', type: 'integer', jsonPath: '.spec.replicas', description: 'Machines wanted' },
    {
      name: 'Ready machines',
      type: 'string',
      jsonPath: '.status.readyMachines',
      description: 'Machines ready, of those wanted',
    },
    { name: 'Mode', type: 'string', jsonPath: '.spec.storage.mode', description: 'Where the disks live' },
    { name: 'Power', type: 'string', jsonPath: '.spec.powerState', description: 'Running or Stopped' },
    { name: 'Origin', type: 'string', jsonPath: '.status.diskOrigin', description: 'Where the disks came from' },
    { name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp', description: 'Since it was created' },
    {
      name: 'Digest',
      type: 'string',
      jsonPath: '.status.snapshot.digest',
      description: "Digest of the snapshot's manifest",
      priority: 1,
    },
    {
      name: 'Message',
      type: 'string',
      jsonPath: readyCondition('message'),
      description: 'What is going on, for people',
      priority: 1,
    },
  ],
  scale: {
    specReplicasPath: '.spec.replicas',
    statusReplicasPath: '.status.replicas',
    labelSelectorPath: '.status.selector',
  },
};
