import { z } from 'zod';
import { emulatorSpecSchema } from './spec.ts';
import { emulatorStatusSchema } from './status.ts';

export { type EmulatorSpec, emulatorSpecSchema } from './spec.ts';
export {
  type Condition,
  conditionSchema,
  type EmulatorStatus,
  emulatorStatusSchema,
  type MachineStatus,
} from './status.ts';

/** An Emulator as the API server returns it; parsing fills in the defaults of fields that an older object lacks. */
export const emulatorSchema = z.object({
  apiVersion: z.string(),
  kind: z.literal('Emulator'),
  metadata: z.looseObject({
    name: z.string(),
    namespace: z.string(),
    uid: z.string(),
    generation: z.int().optional(),
    resourceVersion: z.string().optional(),
    deletionTimestamp: z.string().optional(),
    annotations: z.record(z.string(), z.string()).optional(),
    labels: z.record(z.string(), z.string()).optional(),
  }),
  spec: emulatorSpecSchema,
  status: emulatorStatusSchema.optional(),
});

export type Emulator = z.infer<typeof emulatorSchema>;
