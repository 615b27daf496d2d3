import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { emulatorSpecSchema } from '../../src/api/emulator/schema.ts';
import { ApiServer } from './support/api-server.ts';
import { installCrd } from './support/install-crd.ts';
import { emulator, type Json } from './support/manifest.ts';
import { expectAcceptance, Judge } from './support/trial.ts';

let judge: Judge;

beforeAll(async () => {
  const server = await ApiServer.open();
  await installCrd(server);
  judge = await Judge.open(server);
});

afterAll(async () => judge?.close());

/** An object that has each of its fields or leaves it out; what is left out is for the defaults. */
const some = (fields: Record<string, fc.Arbitrary<unknown>>): fc.Arbitrary<Json> =>
  fc.record(fields, { requiredKeys: [] });

const name = fc.stringMatching(/^[a-z][a-z0-9]{0,8}$/);
const labels = fc.dictionary(name, name, { maxKeys: 3 });
const loose = fc.dictionary(name, fc.oneof(name, fc.boolean(), fc.integer(), labels), { maxKeys: 2 });
const policy = fc.constantFrom('Retain', 'Delete');
const onCorruption = fc.constantFrom('Fail', 'Reprovision');

const claim = some({
  size: fc.constantFrom('64Mi', '1Gi', '1.5Gi', '134217728'),
  storageClassName: fc.oneof(fc.constant(''), name),
  accessMode: fc.constantFrom('ReadWriteOnce', 'ReadWriteOncePod'),
  claimTemplateName: name.map((text) => `${text}-disk`),
  retention: some({ whenDeleted: policy, whenScaled: policy }),
});

const snapshot = fc.record(
  {
    reference: fc.constantFrom('registry.example/a:b', `a/b@sha256:${'0'.repeat(64)}`),
    path: fc.constant('/disk/win98.qcow2'),
    pullSecretRef: fc.record({ name }),
    registry: fc.oneof(some({ plainHTTP: fc.boolean() }), some({ caBundleRef: fc.record({ name, key: name }) })),
  },
  { requiredKeys: ['reference'] },
);

const where = fc.oneof(
  fc.record({
    storage: claim.map((storage) => ({ ...storage, mode: 'Persistent' })),
    disk: some({
      source: fc.constantFrom('Auto', 'Builtin', 'Import'),
      builtinPath: fc.constant('/disk'),
      onCorruption,
    }),
  }),
  fc.record({
    storage: claim.map((storage) => ({ ...storage, mode: 'Hybrid' })),
    disk: fc.record({ snapshot, onCorruption }, { requiredKeys: ['snapshot'] }),
  }),
  fc.record({ storage: fc.constant({ mode: 'Ephemeral' }) }),
);

const machine = some({
  type: fc.constantFrom('', 'pc-i440fx-10.0'),
  cpu: fc.constantFrom('pentium2', 'pentium3,+sse'),
  memory: fc.constantFrom('16Mi', '512Mi'),
  video: fc.constantFrom('std', 'cirrus', 'vmware'),
  sound: fc.constantFrom('sb16', 'es1370', 'none'),
  nic: fc.constantFrom('ne2k_pci', 'none'),
  timeZone: fc.constantFrom('UTC', 'Europe/Zurich'),
  pointer: fc.constantFrom('PS2', 'USBTablet'),
  extraArgs: fc.array(fc.constantFrom('-usb', '-device'), { maxLength: 3 }),
});

const pod = some({
  labels,
  annotations: labels,
  resources: some({ requests: fc.constant({ cpu: '1' }), limits: fc.constant({ cpu: '2', memory: '1Gi' }) }),
  nodeSelector: labels,
  tolerations: fc.array(loose, { maxLength: 2 }),
  affinity: loose,
  topologySpreadConstraints: fc.array(loose, { maxLength: 2 }),
  maxUnavailable: fc.oneof(fc.nat(100), fc.constantFrom('0%', '50%')),
  priorityClassName: fc.oneof(fc.constant(''), name),
  runtimeClassName: name,
});

const selector = fc.record({ matchLabels: labels });
const access = fc.array(
  fc.oneof(
    fc.record({ podSelector: selector, namespaceSelector: selector }, { requiredKeys: ['podSelector'] }),
    fc.record({ namespaceSelector: selector }),
    fc.record({ ipBlock: fc.constantFrom({ cidr: '10.0.0.0/8' }, { cidr: '10.0.0.0/8', except: ['10.1.0.0/16'] }) }),
  ),
  { maxLength: 3 },
);

const rest = some({
  replicas: fc.integer({ min: 0, max: 100 }),
  image: fc.constant('ghcr.io/mroie/qemu-loco:1.0.0'),
  update: fc.constantFrom('OnRestart', 'Rolling'),
  imagePullPolicy: fc.constantFrom('Always', 'IfNotPresent', 'Never'),
  imagePullSecrets: fc.uniqueArray(name, { maxLength: 3 }).map((names) => names.map((one) => ({ name: one }))),
  machine,
  display: some({ vnc: some({ passwordSecretRef: fc.record({ name, key: name }) }), access }),
  shutdown: some({ gracePeriodSeconds: fc.integer({ min: 5, max: 3600 }), onGuestPowerOff: fc.constant('Stay') }),
  readiness: some({ screen: fc.constantFrom('Graphics', 'Any') }),
  pod,
});

/** An empty selector that says much: who may reach the screens unless told otherwise. */
const ANY_POD = '.display.access.0.podSelector.matchLabels';

it('zod and the API server fill in the same defaults, and the server stores none that is empty', async () => {
  const specs = fc.tuple(where, rest).map(([first, second]): Json => ({ ...first, ...second }));
  await fc.assert(
    fc.asyncProperty(specs, async (spec) => {
      const manifest = emulator(spec);
      const answer = await judge.create(manifest);
      expectAcceptance(answer);
      const stored = (answer.body as { spec: unknown }).spec;
      const parsed = emulatorSpecSchema.parse(manifest['spec']);
      expect(emulatorSpecSchema.parse(stored)).toEqual(parsed);
      expect(nonEmpty(stored)).toEqual(nonEmpty(parsed));
      const written = new Set([...emptyPaths(manifest['spec']), ANY_POD]);
      expect(emptyPaths(stored).filter((path) => !written.has(path))).toEqual([]);
    }),
    { numRuns: 60 },
  );
});

const entriesOf = (value: unknown): [string, unknown][] =>
  typeof value === 'object' && value !== null ? Object.entries(value) : [];
const isEmpty = (value: unknown): boolean =>
  value === '' || (typeof value === 'object' && value !== null && Object.keys(value).length === 0);

/** Without the fields that are empty, or have nothing else in them. */
function nonEmpty(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(nonEmpty);
  if (typeof value !== 'object' || value === null) return value;
  const kept = entriesOf(value).map(([key, part]) => [key, nonEmpty(part)] as const);
  return Object.fromEntries(kept.filter(([, part]) => !isEmpty(part)));
}

function emptyPaths(value: unknown, path = ''): string[] {
  return isEmpty(value) ? [path] : entriesOf(value).flatMap(([key, part]) => emptyPaths(part, `${path}.${key}`));
}
