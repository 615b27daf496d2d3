import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type Emulator, emulatorStatusSchema } from '../../api/emulator/schema.ts';
import type { AgentReport, ReportedDisk } from '../../contract/agent-report.ts';
import { machinePhaseSchema } from '../../contract/agent-report.ts';
import { decide } from './decide.ts';
import { claim, disk, emulator, INSTALLATION, NOW, observed, pod, report } from './observed.fixture.ts';
import type { MachineContact, Observed, ObservedClaim, ObservedPod, ResolveAttempt } from './observed.ts';

/** What any mixture of caches, reports and stored statuses must not bring about. */

const ordinals = [0, 1, 2] as const;
const maybe = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: undefined });
type Present<T> = { [K in keyof T]?: Exclude<T[K], undefined> };
const present = <T extends object>(value: T): Present<T> =>
  Object.fromEntries(Object.entries(value).filter(([, part]) => part !== undefined)) as Present<T>;

const disks: fc.Arbitrary<ReportedDisk> = fc
  .record({
    id: fc.constantFrom('disk-a', 'disk-b', 'disk-c'),
    origin: fc.constantFrom('Builtin' as const, 'Snapshot' as const, 'Imported' as const),
    lastStop: maybe(
      fc.record({
        kind: fc.constantFrom('Clean' as const, 'SafeToPowerOff' as const, 'Unclean' as const),
        at: fc.constantFrom('2026-11-21T09:00:00.000Z', '2026-11-21T09:30:00.000Z'),
        message: fc.constant('ended'),
      }),
    ),
    predecessor: maybe(
      fc.constant({ path: '/images/q', reason: 'DiskTruncated', message: 'cut', at: '2026-11-21T08:00:00.000Z' }),
    ),
  })
  .map((more) => disk(0, present(more)));

const progress = fc
  .record({
    doneBytes: fc.nat(),
    totalBytes: maybe(fc.nat()),
    percent: maybe(fc.nat(100)),
    secondsLeft: maybe(fc.nat()),
  })
  .map(({ doneBytes, ...more }) => ({ step: 'Pulling' as const, doneBytes, ...present(more) }));

const reports = (ordinal: number): fc.Arbitrary<AgentReport> =>
  fc
    .record({
      phase: fc.constantFrom(...machinePhaseSchema.options),
      reason: maybe(fc.constantFrom('VolumeFull', 'DiskGone', 'VolumeInUse', 'DiskCorrupt')),
      ready: fc.boolean(),
      disk: maybe(disks),
      progress: maybe(progress),
      attempts: fc.constantFrom<AgentReport['attempts']>(
        [],
        [{ source: 'Snapshot' as const, reason: 'RegistryAuthFailed', message: 'no' }],
      ),
    })
    .map((more) => report(ordinal, present(more)));

const contact = (ordinal: number): fc.Arbitrary<MachineContact> =>
  fc.oneof(
    fc.record({
      report: fc.constant(undefined),
      state: fc.constantFrom('Settling' as const, 'Connecting' as const, 'Lost' as const),
      since: fc.constant(NOW),
    }),
    fc.record({
      report: reports(ordinal),
      state: fc.constantFrom('Connected' as const, 'Lost' as const),
      since: fc.constant(NOW),
    }),
  );

const trouble = maybe(fc.constantFrom({ reason: 'Evicted', message: 'no' }, { reason: 'OOMKilled', message: 'no' }));

const pods = (ordinal: number): fc.Arbitrary<ObservedPod> =>
  fc
    .record({
      running: fc.boolean(),
      ready: fc.boolean(),
      deleting: fc.boolean(),
      obstacle: trouble,
      lastEnd: trouble,
      restarts: fc.nat(2),
    })
    .map((more) => pod(ordinal, more));

const claims = (ordinal: number): fc.Arbitrary<ObservedClaim> =>
  fc
    .record({
      bearer: fc.constantFrom('nobody', 'us', 'us before', 'other'),
      state: fc.constantFrom('Present' as const, 'Leaving' as const, 'Gone' as const),
      disk: maybe(disks),
      deleting: fc.boolean(),
    })
    .map(({ bearer, state, ...more }) => {
      if (bearer === 'nobody') return claim(ordinal, { ...more, emulator: undefined, emulatorUid: undefined });
      if (bearer === 'us') return claim(ordinal, more);
      if (bearer === 'us before') return claim(ordinal, { ...more, emulatorUid: 'of-before' });
      return claim(ordinal, { ...more, emulator: 'other', emulatorUid: 'o', holder: { name: 'other', state } });
    });

const snapshot = { snapshot: { reference: 'registry.test/win98:base' } };

const emulators: fc.Arbitrary<Emulator> = fc
  .record({
    replicas: fc.nat(3),
    powerState: fc.constantFrom('Running', 'Stopped'),
    managementPolicy: fc.constantFrom('Managed', 'Unmanaged'),
    kind: fc.constantFrom('Persistent', 'Hybrid', 'Ephemeral', 'existing'),
    asks: maybe(fc.constantFrom('monday', 'tuesday')),
  })
  .map(({ kind, asks, replicas, ...spec }) => {
    const existing = { mode: 'Persistent', existingClaim: { name: 'win98-disk-classroom-0' } };
    const storage = kind === 'existing' ? existing : { mode: kind };
    const of = emulator({
      ...spec,
      replicas: kind === 'existing' ? Math.min(replicas, 1) : replicas,
      storage,
      ...(kind === 'Hybrid' ? { disk: snapshot } : {}),
    });
    const annotations = asks === undefined ? {} : { 'loco.mroie.github.io/resolve-snapshot': asks };
    return { ...of, metadata: { ...of.metadata, annotations } };
  });

const resolves: fc.Arbitrary<ResolveAttempt> = fc
  .record({ again: maybe(fc.constantFrom('monday', 'tuesday')), digest: maybe(fc.constantFrom('a', 'b')) })
  .map(({ again, digest }) => ({
    request: {
      reference: snapshot.snapshot.reference,
      plainHTTP: false,
      pullSecret: undefined,
      ca: undefined,
      ...(again === undefined ? {} : { again }),
    },
    running: false,
    digest: digest === undefined ? undefined : `sha256:${digest.repeat(64)}`,
    failure: digest === undefined ? { reason: 'RegistryUnreachable', message: 'no answer' } : undefined,
    failures: digest === undefined ? 1 : 0,
    endedAt: 0,
    goodSince: digest === undefined ? undefined : NOW,
  }));

const worlds: fc.Arbitrary<Partial<Observed>> = fc
  .record({
    pods: fc.tuple(...ordinals.map((ordinal) => maybe(pods(ordinal)))),
    claims: fc.tuple(...ordinals.map((ordinal) => maybe(claims(ordinal)))),
    contacts: fc.tuple(...ordinals.map((ordinal) => maybe(contact(ordinal)))),
    rivals: fc.constantFrom([], [{ emulator: 'older', claims: ['win98-disk-classroom-0'] }]),
    resolve: maybe(resolves),
  })
  .map((world) => ({
    ...world,
    pods: world.pods.filter((each) => each !== undefined),
    claims: world.claims.filter((each) => each !== undefined),
    contacts: new Map(
      world.contacts.flatMap((each, ordinal) => (each === undefined ? [] : [[`pod-${ordinal}`, each] as const])),
    ),
  }));

/** Two worlds, one after the other, of the same Emulator: the status of the first is stored when the second comes. */
const histories = fc.record({ of: emulators, first: worlds, second: worlds });

function pass(of: Emulator, world: Partial<Observed>, now = NOW) {
  return decide(observed(of, world), INSTALLATION, now);
}

function later(of: Emulator, status: Emulator['status'], world: Partial<Observed>) {
  return pass({ ...of, status }, world, new Date(NOW.getTime() + 60_000));
}

test('a pass over what another has just told of changes no status and tells nothing', () => {
  fc.assert(
    fc.property(histories, ({ of, first, second }) => {
      const before = pass(of, first).status;
      const told = later(of, before, second);
      const again = later(of, told.status, second);
      expect(again.status).toEqual(told.status);
      expect(again.events).toEqual([]);
      expect(again.statusFirst).toBe(false);
    }),
    { numRuns: 1_000 },
  );
});

test('every status fits its schema, and says of a disk what its machine says', () => {
  fc.assert(
    fc.property(histories, ({ of, first, second }) => {
      const { status } = later(of, pass(of, first).status, second);
      expect(emulatorStatusSchema.parse(status)).toEqual(status);
      for (const machine of status.machines ?? []) {
        const contact = second.contacts?.get(`pod-${machine.ordinal}`);
        // Of an operator that has only just started it counts as it was.
        if (contact?.state === 'Settling') continue;
        const said = contact?.report?.disk;
        const there = second.pods?.some(({ ordinal }) => ordinal === machine.ordinal);
        if (there && said !== undefined) expect(machine.disk?.id).toBe(said.id);
        if (machine.disk?.confirmed === true) expect(machine.disk.id).toBe(said?.id);
      }
    }),
    { numRuns: 1_000 },
  );
});

test('no machine is made on a claim that does not carry the Emulator’s name and UID', () => {
  fc.assert(
    fc.property(histories, ({ of, first, second }) => {
      const decision = later(of, pass(of, first).status, second);
      const isOurs = (each: ObservedClaim) => each.emulator === 'classroom' && each.emulatorUid === 'emulator-uid';
      const mounted = (second.claims ?? []).filter(({ ordinal }) => ordinal < of.spec.replicas);
      const pods = decision.objects?.statefulSet?.spec?.replicas ?? 0;
      // A StatefulSet makes the claims of its template, but not the one that the user names.
      if (of.spec.storage.existingClaim !== undefined && pods > 0) expect(mounted.some(isOurs)).toBe(true);
      if (mounted.some((each) => !isOurs(each) && !each.deleting)) {
        expect(decision.objects?.statefulSet).toBeUndefined();
      }
      for (const { metadata } of decision.claimPatches) {
        const was = second.claims?.find(({ uid }) => uid === metadata.uid);
        expect(was?.holder === undefined || was.holder.state === 'Gone').toBe(true);
        if (was === undefined || !isOurs(was)) expect(metadata.resourceVersion).toBe(was?.resourceVersion);
      }
    }),
    { numRuns: 1_000 },
  );
});
