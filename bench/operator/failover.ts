import { setTimeout as sleep } from 'node:timers/promises';
import { measureChange } from './change.ts';
import { removeLease } from './cold-start.ts';
import type { Ground } from './ground.ts';
import { RunningOperator } from './running-operator.ts';
import type { OperatorProgram, Subject } from './subject.ts';

/** Seconds from the leader's end until the other replica acts on a change that was made at that moment. */
export interface Failover {
  readonly killedSeconds: number;
  readonly stoppedSeconds: number;
}

/** A replica that starts while another one leads has its caches filled by then. */
const STANDBY_MS = 5000;

async function startStandby(ground: Ground, program: OperatorProgram, replica: number): Promise<RunningOperator> {
  const standby = await RunningOperator.start(ground, program, replica);
  await sleep(STANDBY_MS);
  return standby;
}

/** @param names of two resources with one replica each */
export async function measureFailover(
  ground: Ground,
  subject: Subject,
  program: OperatorProgram,
  { namespace, names }: { readonly namespace: string; readonly names: readonly [string, string] },
): Promise<Failover> {
  await removeLease(ground, program);
  const first = await RunningOperator.start(ground, program, 0);
  await first.requestsUntilQuiet();
  const second = await startStandby(ground, program, 1);
  const killed = first.kill();
  const killedSeconds = await measureChange(ground, subject, { namespace, name: names[0] });
  await killed;
  const third = await startStandby(ground, program, 0);
  await second.requestsUntilQuiet();
  const stopped = second.stop();
  const stoppedSeconds = await measureChange(ground, subject, { namespace, name: names[1] });
  await stopped;
  await third.stop();
  return { killedSeconds, stoppedSeconds };
}
