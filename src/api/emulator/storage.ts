import { z } from 'zod';
import { bytes, compareQuantity, labelName, objectName, optionalObjectName } from '../field.ts';
import { rules, type ValidationRule } from '../rule.ts';

/** Settings of a PVC that we make, with the CEL expression that tells when each was changed from its default. */
const CLAIM_SETTINGS = [
  { field: 'storageClassName', unset: '!has(self.storageClassName)' },
  { field: 'accessMode', unset: "self.accessMode == 'ReadWriteOnce'" },
  { field: 'claimTemplateName', unset: "self.claimTemplateName == 'win98-disk'" },
  {
    field: 'retention',
    unset: "self.retention.whenDeleted == 'Retain' && self.retention.whenScaled == 'Retain'",
  },
] as const;

/** A setting that would do nothing is refused: whoever wrote it expects something of it. */
const withoutEffect: readonly ValidationRule[] = CLAIM_SETTINGS.flatMap(({ field, unset }) => [
  {
    rule: `self.mode != 'Ephemeral' || (${unset})`,
    message: `an Ephemeral machine has no PVC, so storage.${field} would do nothing: remove it, or set storage.mode to Persistent or Hybrid`,
    fieldPath: `.${field}`,
    reason: 'FieldValueForbidden',
  },
  withoutEffectOnOwn(field, unset),
]);

function withoutEffectOnOwn(field: string, unset: string): ValidationRule {
  return {
    rule: `!has(self.existingClaim) || (${unset})`,
    message: `storage.existingClaim names a PVC that is yours, so storage.${field} would do nothing: remove storage.${field}, or remove storage.existingClaim`,
    fieldPath: `.${field}`,
    reason: 'FieldValueForbidden',
  };
}

function immutable(field: string, unchanged: string, advice: string): ValidationRule {
  return {
    rule: unchanged,
    message: `storage.${field} can't be changed, added or removed later: ${advice}`,
    fieldPath: `.${field}`,
    reason: 'FieldValueForbidden',
  };
}

/** Optional values could be compared in one go, but the cost of that is estimated as if they were unbounded. */
function sameOrAbsent(field: string, value: string): string {
  const [self, old] = [`self.${field}`, `oldSelf.${field}`];
  return `has(${self}) ? has(${old}) && ${self}${value} == ${old}${value} : !has(${old})`;
}

const OTHER_EMULATOR = 'put it back, or create another Emulator with the new value';

export const storageSchema = z
  .object({
    mode: z.enum(['Persistent', 'Hybrid', 'Ephemeral']).meta({
      description:
        "Where a machine's disk lives and what may fill it. " +
        'Persistent: on a PVC of its own, filled once from the disk built into the image or from one you import; nothing is ever downloaded, and everything the guest saves stays until the PVC is deleted (see retention). ' +
        'Hybrid: on a PVC as well, filled once from the built-in disk or else from disk.snapshot; it stays just the same, and a newer snapshot never replaces it. ' +
        'Ephemeral: on a volume of the pod; everything the guest saved is lost when the pod is deleted or its machine crashes, and the next start begins with a fresh copy of the built-in disk or of disk.snapshot. ' +
        'Persistent and Hybrid can be changed into each other on a live Emulator; Ephemeral is for good.',
    }),
    size: bytes({
      description:
        "Size of each machine's volume. It may grow, where the storage class allows that, and never shrinks: the PVCs are asked for more while the machines run, and the condition VolumesResized tells what became of it. For an Ephemeral machine it is the room for the disk on the node, and may be changed freely.",
      example: '4Gi',
      least: { amount: '64Mi', message: 'must be at least 64Mi: no smaller volume holds a disk' },
    }).default('4Gi'),
    storageClassName: optionalObjectName(
      'Storage class of the PVCs. Left out: the default class of the cluster. Empty: only volumes that were made by hand. Fixed once the Emulator exists.',
      'a StorageClass',
    ).optional(),
    accessMode: z.enum(['ReadWriteOnce', 'ReadWriteOncePod']).default('ReadWriteOnce').meta({
      description:
        'Who may mount the PVCs. ReadWriteOnce: the pods of one node, of which a lock lets one write. ReadWriteOncePod: one pod in the whole cluster, the stronger fence, where the storage driver knows it. Fixed once the Emulator exists.',
    }),
    claimTemplateName: labelName(
      'Beginning of the names of the PVCs, which are called <claimTemplateName>-<emulator>-<ordinal>. An Emulator that is created again under the same names finds its disks. Fixed once the Emulator exists.',
      "the beginning of the PVCs' names",
      {
        rule: "!self.startsWith('loco-')",
        message: "must not begin with loco-: every machine's own volumes are called so",
      },
    ).default('win98-disk'),
    existingClaim: z
      .object({ name: objectName('Name of the PVC, in the namespace of the Emulator.', 'a PersistentVolumeClaim') })
      .meta({
        description:
          'A PVC of your own that holds the disk, or receives it. For one machine only, and never deleted by the operator. A disk at win98.qcow2 in it is checked and used as it is, never overwritten. Fixed once the Emulator exists.',
      })
      .optional(),
    retention: z
      .object({
        whenDeleted: z.enum(['Retain', 'Delete']).default('Retain').meta({
          description:
            'What becomes of the PVCs when the Emulator is deleted. Retain: they stay, and an Emulator of the same name finds them. Delete: they are deleted with everything on them.',
        }),
        whenScaled: z.enum(['Retain', 'Delete']).default('Retain').meta({
          description:
            'What becomes of the PVCs of machines that a lower spec.replicas takes away. Retain: they stay for when it is raised again. Delete: they are deleted with everything on them. Stopping the machines (powerState) deletes nothing.',
        }),
      })
      .prefault({})
      .meta({
        description: 'When the operator may delete PVCs, and the disks on them with everything the guests saved.',
      }),
  })
  .meta({
    description: "Where the machines' disks live, and for how long.",
    ...rules(
      {
        rule: "self.mode == oldSelf.mode || (self.mode != 'Ephemeral' && oldSelf.mode != 'Ephemeral')",
        message:
          "storage.mode can be changed between Persistent and Hybrid only, because an Ephemeral machine's disk is on no PVC: put it back, or create another Emulator with the new mode",
        fieldPath: '.mode',
        reason: 'FieldValueForbidden',
      },
      immutable('storageClassName', sameOrAbsent('storageClassName', ''), OTHER_EMULATOR),
      immutable('accessMode', 'self.accessMode == oldSelf.accessMode', OTHER_EMULATOR),
      immutable('claimTemplateName', 'self.claimTemplateName == oldSelf.claimTemplateName', OTHER_EMULATOR),
      immutable('existingClaim', sameOrAbsent('existingClaim', '.name'), OTHER_EMULATOR),
      {
        rule: `self.mode == 'Ephemeral' || ${compareQuantity('self.size', '>=', 'oldSelf.size')}`,
        message: 'storage.size never shrinks, because a volume can only grow: set it to what it was, or more',
        fieldPath: '.size',
      },
      {
        rule: "self.mode != 'Ephemeral' || !has(self.existingClaim)",
        message:
          'an Ephemeral machine keeps nothing, so storage.existingClaim would do nothing: remove it, or set storage.mode to Persistent or Hybrid',
        fieldPath: '.existingClaim',
        reason: 'FieldValueForbidden',
      },
      ...withoutEffect,
      // An Ephemeral machine's room has a size, too; a PVC that somebody made has the one that they gave it.
      withoutEffectOnOwn('size', compareQuantity('self.size', '==', "'4Gi'")),
    ),
  });
