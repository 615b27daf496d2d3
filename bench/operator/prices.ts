import { z } from 'zod';
import { createAll, names, serverCpuMs } from './create.ts';
import type { Ground } from './ground.ts';

/** Milliseconds of the API server's processor that one request costs it, with nobody else at work but its watchers. */
export interface Prices {
  /** Creation of a ConfigMap: what any object costs. */
  readonly configMap: number;
  /** Creation of an Emulator by its user. */
  readonly emulator: number;
  /** A status of an Emulator that has become Ready, by server-side apply as the operator writes it. */
  readonly status: number;
  /** The same by PUT. */
  readonly replacedStatus: number;
  readonly event: number;
}

const COUNT = 400;
const NAMESPACE = 'prices';
const EMULATORS = '/apis/loco.mroie.github.io/v1alpha1/namespaces';
/** So much processor time the API server takes for itself anyway is measured for so long. */
const REST_MS = 3000;

const emulatorSchema = z.object({ status: z.record(z.string(), z.unknown()) });

/** @param template an Emulator that is Ready, by its path below {@link EMULATORS}; its status is the one that is written */
export async function measurePrices(ground: Ground, template: string): Promise<Prices> {
  await ground.applyObjects(NAMESPACE, []);
  const { status } = emulatorSchema.parse(JSON.parse((await ground.api.ask('GET', `${EMULATORS}/${template}`)).text));
  const core = `/api/v1/namespaces/${NAMESPACE}/configmaps`;
  const emulators = `${EMULATORS}/${NAMESPACE}/emulators`;
  const all = names(COUNT);
  const created = (path: string, object: (name: string) => object) => () =>
    createAll(
      ground,
      all.map((name) => ({ path, body: { metadata: { name }, ...object(name) } })),
    );
  const spec = { storage: { mode: 'Persistent', size: '1Gi' } };
  const kind = { apiVersion: 'loco.mroie.github.io/v1alpha1', kind: 'Emulator' };
  const configMap = await priceOf(
    ground,
    created(core, () => ({ data: { text: 'x'.repeat(500) } })),
  );
  const emulator = await priceOf(
    ground,
    created(emulators, () => ({ ...kind, spec })),
  );
  const written = new Map<string, object>();
  const write = (method: 'PATCH' | 'PUT', observedGeneration: number) => () =>
    Promise.all(
      all.map(async (name) => {
        const path = `${emulators}/${name}/status?fieldManager=loco-operator-status`;
        const object = method === 'PUT' ? written.get(name) : { ...kind, metadata: { name } };
        const body = { ...object, status: { ...status, observedGeneration } };
        const answer = await (method === 'PUT'
          ? ground.api.ask('PUT', path, body)
          : ground.api.ask('PATCH', `${path}&force=true`, body, 'application/apply-patch+yaml'));
        if (answer.status !== 200) throw new Error(`${method} ${path} answered ${answer.status}: ${answer.text}`);
        written.set(name, JSON.parse(answer.text));
      }),
    );
  // The first one adds fields, as happens once; the next ones change them.
  await write('PATCH', 1)();
  const changed = await priceOf(ground, write('PATCH', 2));
  const replaced = await priceOf(ground, write('PUT', 3));
  const events = `/apis/events.k8s.io/v1/namespaces/${NAMESPACE}/events`;
  const event = await priceOf(ground, created(events, eventOf));
  return { configMap, emulator, status: changed, replacedStatus: replaced, event };
}

function eventOf(name: string) {
  return {
    regarding: { kind: 'Emulator', namespace: NAMESPACE, name },
    eventTime: new Date().toISOString().replace('Z', '000Z'),
    type: 'Normal',
    reason: 'MachineReady',
    action: 'Boot',
    note: `${name}-0 is ready`,
    reportingController: 'loco.mroie.github.io/operator',
    reportingInstance: 'bench',
  };
}

async function priceOf(ground: Ground, work: () => Promise<unknown>): Promise<number> {
  const restBefore = await serverCpuMs(ground);
  await new Promise((resolve) => setTimeout(resolve, REST_MS));
  const restPerMs = ((await serverCpuMs(ground)) - restBefore) / REST_MS;
  const before = await serverCpuMs(ground);
  const began = performance.now();
  await work();
  const own = restPerMs * (performance.now() - began);
  return ((await serverCpuMs(ground)) - before - own) / COUNT;
}
