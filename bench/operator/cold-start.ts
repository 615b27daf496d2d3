import { setTimeout as sleep } from 'node:timers/promises';
import type { AuditEntry } from '../../chaos/operator/audit.ts';
import { kindOf } from './counts.ts';
import { createAll } from './create.ts';
import type { Ground } from './ground.ts';
import { RunningOperator } from './running-operator.ts';
import type { OperatorProgram, Subject } from './subject.ts';

/** A start of an operator that finds one new resource. */
export interface ColdStart {
  /** From the start of the process until the API server received its first write of an object or a status. */
  readonly firstWriteSeconds: number;
  /** Resident memory when it had nothing more to do. */
  readonly idleBytes: number;
}

const LOOK_MS = 20;
const PATIENCE_MS = 60_000;

const isWork = (entry: AuditEntry) => ['objects', 'status'].includes(kindOf(entry));

/** Takes away the Lease, so that a start doesn't wait for the time of the process before it to run out. */
export async function removeLease({ api }: Ground, { namespace, lease }: OperatorProgram): Promise<void> {
  await api.ask('DELETE', `/apis/coordination.k8s.io/v1/namespaces/${namespace}/leases/${lease}`);
}

async function firstWork(operator: RunningOperator): Promise<AuditEntry> {
  const end = performance.now() + PATIENCE_MS;
  while (performance.now() < end) {
    const found = (await operator.requests()).find(isWork);
    if (found !== undefined) return found;
    await sleep(LOOK_MS);
  }
  throw new Error(`nothing was written within a minute: see ${operator.process.log}`);
}

/** Starts the operator where a resource waits for it already. */
export async function measureColdStart(
  ground: Ground,
  subject: Subject,
  program: OperatorProgram,
  namespace: string,
): Promise<ColdStart> {
  await ground.applyObjects(namespace, []);
  await createAll(ground, subject.resource(namespace, 'first'));
  await removeLease(ground, program);
  const operator = await RunningOperator.start(ground, program);
  const { receivedAt } = await firstWork(operator);
  await operator.requestsUntilQuiet();
  const { now } = await operator.memory();
  await operator.stop();
  return { firstWriteSeconds: (receivedAt - operator.process.startedAt) / 1000, idleBytes: now };
}
