import { z } from 'zod';
import { objectName } from '../field.ts';
import { rules } from '../rule.ts';
import { diskSchema, imageReference } from './disk.ts';
import { displaySchema } from './display.ts';
import { machineSchema } from './machine.ts';
import { podSchema } from './pod.ts';
import { storageSchema } from './storage.ts';

const shutdownSchema = z
  .object({
    gracePeriodSeconds: z.int().min(5).max(3600).default(90).meta({
      description:
        'Seconds that a guest has to shut down when its pod is deleted, before QEMU is ended with the disk flushed. Windows 98 that is ended so runs ScanDisk at its next start.',
    }),
    onGuestPowerOff: z.enum(['Restart', 'Stay']).default('Restart').meta({
      description:
        'What happens when the guest switches itself off. Restart: it is switched on again. Stay: it stays off, not ready, until its pod is deleted.',
    }),
  })
  .meta({ description: 'How machines end.' });

const readinessSchema = z
  .object({
    screen: z.enum(['Graphics', 'Any']).default('Graphics').meta({
      description:
        'What the screen must show before a machine is ready. Graphics: a graphics mode of 640x480 or more that is not one colour, as Windows 98 has it once it has started. Any: anything, for DOS and text consoles.',
    }),
  })
  .meta({ description: 'When a machine counts as ready.' });

/** What a person writes, with the defaults that the API server fills in. */
export const emulatorSpecSchema = z
  .object({
    replicas: z
      .int()
      .min(0)
      .max(100)
      .default(1)
      .meta({ description: 'How many machines. Each has a disk of its own. kubectl scale sets it too.' }),
    powerState: z.enum(['Running', 'Stopped']).default('Running').meta({
      description:
        'Running, or Stopped: the guests are shut down and their pods removed. Disks on PVCs stay; what is on an Ephemeral disk is lost.',
    }),
    managementPolicy: z.enum(['Managed', 'Unmanaged']).default('Managed').meta({
      description:
        'Managed, or Unmanaged: the operator leaves everything as it is, whatever changes here, and only goes on telling in the status how the machines are.',
    }),
    update: z.enum(['OnRestart', 'Rolling']).default('OnRestart').meta({
      description:
        'When a change that needs another pod reaches machines that run. OnRestart: at their next start, whoever causes it; the condition RestartRequired names them. Rolling: the operator restarts them one at a time, each with a clean shutdown of its guest, and the next only when the last is ready again; one that does not come back holds the others. That is within this Emulator: several Emulators update side by side, and a new release of the operator is a change for each whose spec names no image.',
    }),
    image: imageReference.optional(),
    imagePullPolicy: z
      .enum(['Always', 'IfNotPresent', 'Never'])
      .default('IfNotPresent')
      .meta({ description: 'When a node pulls the image, as in a pod.' }),
    imagePullSecrets: z
      .array(
        z.object({ name: objectName('Name of the Secret, in the namespace of the Emulator.', 'a Secret') }).meta({
          description: 'A Secret of type kubernetes.io/dockerconfigjson.',
        }),
      )
      .max(16)
      .default([])
      .meta({
        description:
          'Credentials with which nodes pull the image. Those for snapshots are disk.snapshot.pullSecretRef.',
        'x-kubernetes-list-type': 'map',
        'x-kubernetes-list-map-keys': ['name'],
      }),
    storage: storageSchema,
    disk: diskSchema.prefault({}),
    machine: machineSchema.prefault({}),
    display: displaySchema.prefault({}),
    shutdown: shutdownSchema.prefault({}),
    readiness: readinessSchema.prefault({}),
    pod: podSchema.prefault({}),
  })
  .meta({
    description: 'What is wanted.',
    ...rules(
      {
        rule: "self.storage.mode != 'Persistent' || !has(self.disk.snapshot)",
        message:
          'storage.mode Persistent never downloads a disk: remove disk.snapshot, or set storage.mode to Hybrid, which uses it where there is no built-in disk',
        fieldPath: '.disk.snapshot',
        reason: 'FieldValueForbidden',
      },
      {
        rule: "self.storage.mode != 'Persistent' || self.disk.source != 'Snapshot'",
        message:
          'storage.mode Persistent never downloads a disk: set disk.source to Auto, Builtin or Import, or set storage.mode to Hybrid',
        fieldPath: '.disk.source',
      },
      {
        rule: "self.storage.mode != 'Hybrid' || has(self.disk.snapshot)",
        message:
          'storage.mode Hybrid needs a snapshot for when there is no built-in disk: set disk.snapshot.reference, or set storage.mode to Persistent',
        fieldPath: '.disk.snapshot',
        reason: 'FieldValueRequired',
      },
      {
        rule: "self.storage.mode != 'Ephemeral' || self.disk.source != 'Import'",
        message:
          'an Ephemeral machine would wait for an import at every start: set disk.source to Auto, Builtin or Snapshot, or set storage.mode to Persistent',
        fieldPath: '.disk.source',
      },
      {
        rule: '!has(self.storage.existingClaim) || self.replicas <= 1',
        message:
          'storage.existingClaim is one disk, and two machines never share one: set replicas to 1, or remove storage.existingClaim so that each machine has a PVC of its own',
        fieldPath: '.replicas',
      },
    ),
  });

export type EmulatorSpec = z.infer<typeof emulatorSpecSchema>;
