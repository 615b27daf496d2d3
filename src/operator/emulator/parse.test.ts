import { expect, test } from 'vitest';
import { deepFreeze } from '../../kube/object.ts';
import type { RawEmulator } from './caches.ts';
import { emulator } from './observed.fixture.ts';
import { parseEmulator } from './parse.ts';

/** As the cache gives it. */
function cached(change: (object: Record<string, unknown>) => void = () => undefined): RawEmulator {
  const object = structuredClone({ ...emulator() });
  change(object);
  return deepFreeze(object) as unknown as RawEmulator;
}

const parsedOf = (raw: RawEmulator) => {
  const parsed = parseEmulator(raw);
  return parsed.success ? parsed.emulator : undefined;
};

test('what parsing leaves as it is isn’t there twice', () => {
  const { display, readiness, storage } = emulator().spec;
  // As the API server stores it, which lacks what is empty.
  const spec = { storage, readiness, display: { access: display.access }, pod: { maxUnavailable: 1 } };
  const raw = cached((object) => Object.assign(object, { spec, status: { replicas: 1, machines: [] } }));
  const parsed = parsedOf(raw);
  const cachedSpec = raw.spec as typeof spec;
  expect(parsed?.spec.storage).toBe(cachedSpec.storage);
  expect(parsed?.spec.readiness).toBe(cachedSpec.readiness);
  expect(parsed?.spec.display.access).toBe(cachedSpec.display.access);
  expect(parsed?.status).toBe(raw.status);
});

test('what the API server doesn’t store because it is empty is filled in', () => {
  const raw = cached((object) => Object.assign(object, { spec: { storage: { mode: 'Persistent' }, pod: {} } }));
  expect(parsedOf(raw)?.spec).toMatchObject({ replicas: 1, pod: { labels: {}, tolerations: [], maxUnavailable: 1 } });
});

test('a status that another release wrote doesn’t keep the spec from being served', () => {
  const raw = cached((object) => Object.assign(object, { status: { replicas: 'many' } }));
  expect(parsedOf(raw)).toMatchObject({ spec: { replicas: 1 } });
  expect(parsedOf(raw)?.status).toBeUndefined();
});

test('what can’t be understood is told with its fields', () => {
  const raw = cached((object) => Object.assign(object, { spec: { storage: { mode: 'Cloud' } } }));
  const parsed = parseEmulator(raw);
  expect(parsed).toMatchObject({ success: false });
  expect(parsed.success ? '' : parsed.message).toMatch(/^The resource can't be understood: spec\.storage\.mode: /);
});
