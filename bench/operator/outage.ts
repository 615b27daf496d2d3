import { setTimeout as sleep } from 'node:timers/promises';
import { measureChange } from './change.ts';
import { removeLease } from './cold-start.ts';
import type { Ground } from './ground.ts';
import { Kubelet } from './kubelet.ts';
import type { OperatorProgram, Subject } from './subject.ts';

/** What follows when the API server was away. */
export interface Outage {
  /** From the API server's return to the effect of a change that was made right then. */
  readonly seconds: number;
  /** How often the operator ended meanwhile. */
  readonly exits: number;
}

const AWAY_MS = 10_000;

export async function measureOutage(
  ground: Ground,
  subject: Subject,
  program: OperatorProgram,
  target: { readonly namespace: string; readonly name: string },
): Promise<Outage> {
  await removeLease(ground, program);
  const kubelet = await Kubelet.start(ground, program);
  await kubelet.current.requestsUntilQuiet();
  const server = ground.cluster.component('kube-apiserver');
  await server.kill();
  await sleep(AWAY_MS);
  await server.start();
  const seconds = await measureChange(ground, subject, target);
  const { exits } = kubelet;
  await kubelet.stop();
  return { seconds, exits };
}
