import { z } from 'zod';

export const conditionSchema = z
  .object({
    type: z.string().max(316).meta({ description: 'What the condition is about; Ready is the summary.' }),
    status: z.enum(['True', 'False', 'Unknown']).meta({ description: 'Whether it holds.' }),
    reason: z.string().max(1024).meta({ description: 'One CamelCase word for why, for programs.' }),
    message: z.string().max(32768).meta({ description: 'Why, and what to do about it, for people.' }),
    observedGeneration: z
      .int()
      .min(0)
      .meta({ description: 'The metadata.generation of the spec for which this was found.' })
      .optional(),
    lastTransitionTime: z.iso.datetime().meta({ description: 'When the status last changed.' }),
  })
  .meta({ description: 'One thing that holds, does not hold, or is not known yet.' });

const reportedDiskSchema = z
  .object({
    id: z.string().meta({ description: 'Made anew for each disk that is put in place: another id is another disk.' }),
    origin: z
      .enum(['Builtin', 'Snapshot', 'Imported'])
      .meta({ description: 'Where its bytes came from. Imported: you brought it, or it lay on the volume.' }),
    digest: z.string().meta({
      description:
        "Digest of the snapshot's manifest, or for other origins sha256 of the file as it was when it was put in place.",
    }),
    sizeBytes: z.int().meta({ description: 'Length of the file when it was put in place, in bytes.' }),
    preparedAt: z.string().meta({ description: 'When it was put in place.' }),
    lastCheck: z
      .object({
        at: z.string().meta({ description: 'When it was checked.' }),
        result: z.string().meta({ description: 'Ok, or LeaksRepaired: unused space was given back, no data touched.' }),
      })
      .meta({ description: "The last check of the disk's structure by qemu-img." })
      .optional(),
    lastStop: z
      .object({
        kind: z.string().meta({
          description:
            'Clean: the guest shut down by itself. SafeToPowerOff: the guest said that it may be switched off. Unclean: anything else.',
        }),
        at: z.string().meta({ description: 'When it ended.' }),
        message: z.string().meta({ description: 'What happened, for people.' }),
      })
      .meta({ description: 'How the machine last ended.' })
      .optional(),
    predecessor: z
      .object({
        path: z.string().meta({ description: 'Where it lies now, on the same volume. Nothing deletes it.' }),
        reason: z.string().meta({ description: 'Why it was taken out of use, in one CamelCase word.' }),
        message: z.string().meta({ description: 'What was found, for people.' }),
        at: z.string().meta({ description: 'When it was put aside.' }),
      })
      .meta({
        description: 'The damaged disk whose place this one took, as disk.onCorruption: Reprovision asks.',
      })
      .optional(),
    confirmed: z
      .boolean()
      .meta({
        description:
          'Whether the machine that runs now found this disk on its volume. False while it is not up or cannot say: then this is what was last reported, and the volume may have been emptied or swapped since.',
      })
      .optional(),
  })
  .meta({ description: 'The disk, as the machine itself reported it; absent while there is none.' });

const machineStatusSchema = z
  .object({
    ordinal: z.int().min(0).meta({ description: "The machine's number, from 0." }),
    pod: z.string().meta({ description: "Name of the machine's pod." }),
    phase: z.string().meta({
      description:
        'Where the machine is on its way: Pending before its first report, then Preparing, AwaitingDisk (import one), AwaitingSnapshot, DiskFailed (goes on trying), DiskReady, Starting, Running, Paused, PoweredOff, Stopping, Stopped.',
    }),
    reason: z
      .string()
      .meta({
        description:
          'What stands in the way, in one CamelCase word, when something does: from the machine, such as VolumeFull, or from Kubernetes, such as OOMKilled.',
      })
      .optional(),
    ready: z.boolean().meta({ description: 'Whether the guest runs behind a reachable screen that has come up.' }),
    disk: reportedDiskSchema.optional(),
    progress: z
      .object({
        step: z.string().meta({ description: 'Copying, Pulling, Importing, Checking or Publishing.' }),
        doneBytes: z.int().meta({ description: 'Bytes done.' }),
        totalBytes: z.int().meta({ description: 'Bytes to do; absent while unknown.' }).optional(),
        percent: z.int().meta({ description: 'Percent done; absent while unknown.' }).optional(),
        bytesPerSecond: z.int().meta({ description: 'Bytes a second, over the last few seconds.' }).optional(),
        secondsLeft: z.int().meta({ description: 'Seconds that the rest takes at this rate.' }).optional(),
      })
      .meta({ description: 'How far the preparation of the disk is; absent when nothing is being prepared.' })
      .optional(),
    restarts: z
      .int()
      .min(0)
      .meta({ description: 'How often its container was started again since its pod was made; absent for never.' })
      .optional(),
    message: z.string().meta({ description: 'What is going on and what to do, for people.' }),
  })
  .meta({ description: 'One machine.' });

export const emulatorStatusSchema = z
  .object({
    observedGeneration: z
      .int()
      .min(0)
      .meta({ description: 'The metadata.generation that the operator last acted on.' })
      .optional(),
    replicas: z.int().min(0).meta({ description: 'Pods there are.' }).optional(),
    readyReplicas: z.int().min(0).meta({ description: 'Machines that are ready.' }).optional(),
    readyMachines: z.string().meta({ description: 'Ready and desired machines, such as 2/3.' }).optional(),
    selector: z.string().meta({ description: 'Label selector of the pods, for the scale subresource.' }).optional(),
    conditions: z
      .array(conditionSchema)
      .max(16)
      .meta({
        description: 'What holds and what does not; Ready is the summary, False with reason Stopped while stopped.',
        'x-kubernetes-list-type': 'map',
        'x-kubernetes-list-map-keys': ['type'],
      })
      .optional(),
    snapshot: z
      .object({
        reference: z.string().meta({ description: 'The reference as the spec had it.' }),
        digest: z.string().meta({ description: 'The digest it stood for when it was resolved.' }),
        resolveRequest: z
          .string()
          .meta({
            description:
              'Value that the annotation loco.mroie.github.io/resolve-snapshot had then. Another value has the reference resolved anew.',
          })
          .optional(),
      })
      .meta({ description: 'The snapshot in use. Resolved once: a tag that moves later changes nothing.' })
      .optional(),
    diskOrigin: z
      .enum(['Builtin', 'Snapshot', 'Imported', 'Mixed'])
      .meta({ description: "Where the machines' disks came from; Mixed when not all from the same." })
      .optional(),
    machines: z
      .array(machineStatusSchema)
      .max(100)
      .meta({
        description: 'The machines, each as it reports itself.',
        // One writer has them all: nobody needs to know who set which field of which machine.
        'x-kubernetes-list-type': 'atomic',
      })
      .optional(),
  })
  .meta({ description: 'What the operator found. Written by the operator alone.' });

export type EmulatorStatus = z.infer<typeof emulatorStatusSchema>;
export type MachineStatus = z.infer<typeof machineStatusSchema>;
export type Condition = z.infer<typeof conditionSchema>;
