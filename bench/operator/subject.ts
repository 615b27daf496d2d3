import type { KubeObject } from '../../scripts/cluster/simulated/agents/api.ts';
import type { InsideOptions } from '../../scripts/cluster/simulated/index.ts';

/** What an operator's process is started with. */
export interface OperatorStart {
  readonly command: readonly string[];
  readonly env: NonNullable<InsideOptions['env']>;
}

/** An operator's program and who it is to the API server. */
export interface OperatorProgram {
  readonly namespace: string;
  readonly serviceAccount: string;
  /** Name of its Lease in its namespace. */
  readonly lease: string;
  /** How a replica is started; replicas differ in name and ports, as pods do. */
  start(replica: number): OperatorStart;
}

/** An object to be made, and where. */
export interface NewObject {
  /** Path of its collection. */
  readonly path: string;
  readonly body: object;
}

/** What is measured: an operator with its resources, or no operator at all. */
export interface Subject {
  /** As the table's head has it. */
  readonly title: string;
  /** Absent for bare objects. */
  readonly operator?: OperatorProgram;
  /** Path of the collection that shows which resources are Ready. */
  collection(namespace: string): string;
  /** What the user makes for one resource. */
  resource(namespace: string, name: string): readonly NewObject[];
  isReady(object: KubeObject): boolean;
  /** Name of the StatefulSet that belongs to a resource. */
  statefulSet(name: string): string;
}

/** The name that a service account has in the audit log. */
export function userOf({ namespace, serviceAccount }: OperatorProgram): string {
  return `system:serviceaccount:${namespace}:${serviceAccount}`;
}

/** Whether an object's status has a condition of this type that is True. */
export function hasCondition(object: KubeObject, type: string): boolean {
  const { status } = object as { status?: { conditions?: readonly { type: string; status: string }[] } };
  return status?.conditions?.some((condition) => condition.type === type && condition.status === 'True') ?? false;
}
