import { z } from 'zod';
import type { OperatorPods } from './emulator/render/network-policy.ts';

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
  /** Labels of the operator's pods, `key=value` separated by commas: whom machines' agents are open to, with POD_NAMESPACE. */
  LOCO_OPERATOR_POD_LABELS: z
    .string()
    .default('')
    .transform((text) => parts(text).map((pair) => pair.split('=')))
    .refine((pairs) => pairs.every((pair) => pair.length === 2 && pair.every((part) => part !== '')), {
      message: 'must be key=value pairs separated by commas',
    }),
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
  /** Undefined where the operator doesn't run in a pod, or isn't told how its pods are labelled. */
  readonly operatorPods: OperatorPods | undefined;
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
    namespaces: parts(values.LOCO_NAMESPACES),
    logLevel: values.LOCO_LOG_LEVEL,
    healthPort: values.LOCO_HEALTH_PORT,
    oras: values.LOCO_ORAS,
    kubeconfig: values.KUBECONFIG || undefined,
    podName: values.POD_NAME || hostname,
    podUid: values.POD_UID || undefined,
    leaseNamespace: values.POD_NAMESPACE || undefined,
    operatorPods: operatorPods(values.POD_NAMESPACE, Object.fromEntries(values.LOCO_OPERATOR_POD_LABELS)),
  };
}

function operatorPods(namespace: string | undefined, labels: Record<string, string>): OperatorPods | undefined {
  return namespace && Object.keys(labels).length > 0 ? { namespace, labels } : undefined;
}

/** What stands between commas. */
function parts(list: string): string[] {
  return list
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '');
}
