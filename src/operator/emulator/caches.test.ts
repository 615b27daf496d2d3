import { expect, test } from 'vitest';
import { KubeClient } from '../../kube/client.ts';
import { FakeClock } from '../../kube/fake-clock.ts';
import { startScriptedServer } from '../../kube/scripted-server.ts';
import { createCaches, watchCaches } from './caches.ts';
import { LABELS } from './names.ts';

test('a child that is given to another Emulator concerns the one that had it, too', async () => {
  const server = await startScriptedServer(() => undefined);
  const nothing = (): void => undefined;
  const caches = createCaches({
    client: new KubeClient(server.connection),
    clock: new FakeClock(),
    random: () => 0,
    namespaces: [],
    onFailure: nothing,
    onHandlerError: nothing,
  });
  await server.close();
  const told: string[] = [];
  watchCaches(caches, (key) => told.push(key));
  const child = (instance: string, resourceVersion: string) => ({
    metadata: { name: 'a', namespace: 'school', uid: 'a', resourceVersion, labels: { [LABELS.instance]: instance } },
  });
  const { emulators: _, claims: __, ...children } = caches;
  for (const { store } of Object.values(children)) {
    store.set(child('first', '1'));
    store.set(child('second', '2'));
    expect(told.splice(0)).toEqual(['school/first', 'school/first', 'school/second']);
  }
});
