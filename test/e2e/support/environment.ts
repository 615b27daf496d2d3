import { z } from 'zod';

const image = z.string();

/** What the e2e suite is told of the cluster it runs on, in the variable `LOCO_E2E` as JSON; made by `scripts/e2e.ts`. */
export const environmentSchema = z.object({
  provider: z.enum(['given', 'kind', 'local']),
  clusterName: z.string(),
  kubeconfig: z.string(),
  kubectl: z.string(),
  helm: z.string(),
  oras: z.string(),
  images: z.object({ operator: image, qemu: image, qemuBuiltin: image }),
  /** The qcow2 of the test guest, and one without a boot sector. */
  guestDisk: z.string(),
  blankDisk: z.string(),
  operatorNamespace: z.string(),
  registry: z
    .object({
      tls: z.string(),
      plain: z.string(),
      hostname: z.string(),
      caFile: z.string(),
      username: z.string(),
      password: z.string(),
    })
    .optional(),
  auditLog: z.string().optional(),
  /** When the operator had been installed and the first test was to begin. */
  startedAt: z.iso.datetime(),
  hasNodeAccess: z.boolean(),
  /** The operator is restarted in the middle of each scenario. */
  restartOperator: z.boolean(),
});

export type Environment = z.infer<typeof environmentSchema>;

/** @throws Error when the suite was started without `npm run e2e`. */
export function readEnvironment(): Environment {
  const text = process.env.LOCO_E2E;
  if (text === undefined) throw new Error('LOCO_E2E is not set: start the suite with `npm run e2e`');
  return environmentSchema.parse(JSON.parse(text));
}
