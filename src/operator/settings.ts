import { z } from 'zod';

/** The operator's environment; see `docs/reference`. */
const environmentSchema = z.object({
  /** Image of the machines whose spec names none: the one of this release. */
  LOCO_DEFAULT_IMAGE: z.string().min(1, 'must name the QEMU image of this release'),
  /** Namespaces to serve, separated by commas; empty: all. */
  LOCO_NAMESPACES: z.string().default(''),
  LOCO_LOG_LEVEL: z.enum(['trace', 'debug', 'info', 'warn', 'error']).default('info'),
  /** Port of `/healthz`, `/readyz` and `/metrics`. */
  LOCO_HEALTH_PORT: z.coerce.number().int().min(0).max(65535).default(8081),
  /** Path of the oras binary. */
  LOCO_ORAS: z.string().default('oras'),
  /** A kubeconfig file; absent: the pod's own service account. */
  KUBECONFIG: z.string().optional(),
  /** Name of the operator's pod: who it is in the Lease, in events and in the API server's audit log. */
  POD_NAME: z.string().optional(),
  /** UID of that pod: a process that was started again in it takes over from the one before at once. */
  POD_UID: z.string().optional(),
  /** Where the Lease is; absent: no leader election. */
  POD_NAMESPACE: z.string().optional(),
});

export interface Settings {
  readonly defaultImage: string;
  readonly namespaces: readonly string[];
  readonly logLevel: string;
  readonly healthPort: number;
  readonly oras: string;
  readonly kubeconfig: string | undefined;
  readonly podName: string;
  readonly podUid: string | undefined;
  readonly leaseNamespace: string | undefined;
}

/** Reads the environment. @throws Error that names each variable that is wrong and what it must be */
export function readSettings(environment: Readonly<Record<string, string | undefined>>, hostname: string): Settings {
  const parsed = environmentSchema.safeParse(environment);
  if (!parsed.success) {
    const issues = parsed.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`);
    throw new Error(`The operator's environment is wrong: ${issues.join('; ')}`);
  }
  const values = parsed.data;
  return {
    defaultImage: values.LOCO_DEFAULT_IMAGE,
    namespaces: values.LOCO_NAMESPACES.split(',')
      .map((name) => name.trim())
      .filter((name) => name !== ''),
    logLevel: values.LOCO_LOG_LEVEL,
    healthPort: values.LOCO_HEALTH_PORT,
    oras: values.LOCO_ORAS,
    kubeconfig: values.KUBECONFIG || undefined,
    podName: values.POD_NAME || hostname,
    podUid: values.POD_UID || undefined,
    leaseNamespace: values.POD_NAMESPACE || undefined,
  };
}
