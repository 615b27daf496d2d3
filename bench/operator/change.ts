import { setTimeout as sleep } from 'node:timers/promises';
import type { Ground } from './ground.ts';
import type { Subject } from './subject.ts';

const LOOK_MS = 20;
const PATIENCE_MS = 120_000;

async function patchUntilTaken(ground: Ground, path: string, body: object): Promise<void> {
  const end = performance.now() + PATIENCE_MS;
  while (true) {
    const { status, text } = await ground.api.ask('PATCH', path, body, 'application/merge-patch+json');
    if (status === 200) return;
    if (performance.now() > end) throw new Error(`PATCH ${path} answered ${status}: ${text.slice(0, 300)}`);
    await sleep(LOOK_MS);
  }
}

async function replicasOf(ground: Ground, path: string): Promise<number | undefined> {
  const { text } = await ground.api.ask('GET', path);
  return (JSON.parse(text) as { spec?: { replicas?: number } }).spec?.replicas;
}

/**
 * Asks for a second replica of a resource, and waits until its StatefulSet has it.
 * @returns seconds between the two
 */
export async function measureChange(
  ground: Ground,
  subject: Subject,
  { namespace, name }: { readonly namespace: string; readonly name: string },
): Promise<number> {
  await patchUntilTaken(ground, `${subject.collection(namespace)}/${name}`, { spec: { replicas: 2 } });
  const changed = performance.now();
  const statefulSet = `/apis/apps/v1/namespaces/${namespace}/statefulsets/${subject.statefulSet(name)}`;
  while ((await replicasOf(ground, statefulSet)) !== 2) {
    if (performance.now() - changed > PATIENCE_MS) throw new Error(`nobody acted on ${namespace}/${name}`);
    await sleep(LOOK_MS);
  }
  return (performance.now() - changed) / 1000;
}
