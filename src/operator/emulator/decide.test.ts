import { describe, expect, test } from 'vitest';
import { type Condition, type Emulator, type EmulatorStatus, emulatorStatusSchema } from '../../api/emulator/schema.ts';
import { type Decision, decide } from './decide.ts';
import {
  claim,
  contacts,
  DIGEST,
  disk,
  emulator,
  INSTALLATION,
  NOW,
  observed,
  pod,
  report,
} from './observed.fixture.ts';
import type { ClaimHolder, MachineContact, Observed, ObservedClaim } from './observed.ts';
import { planHash } from './render/plan-config-map.ts';

function decided(of: Emulator, more: Partial<Observed> = {}, now = NOW): Decision {
  return decide(observed(of, more), INSTALLATION, now);
}

function condition(decision: Decision, type: string): Pick<Condition, 'status' | 'reason' | 'message'> | undefined {
  return decision.status.conditions?.find((candidate) => candidate.type === type);
}

/** The status that was stored after `decision`, on the same Emulator. */
function stored(spec: object, status: EmulatorStatus): Emulator {
  return emulator(spec, { status });
}

const statefulSet = {
  uid: 'stateful-set-uid',
  leaving: false,
  scaleMark: 1,
  templateSize: '4Gi',
  templateUid: 'emulator-uid',
  templateBytes: 4 * 2 ** 30,
  updateRevision: 'classroom-1',
};
const ready = { pods: [pod(0, { ready: true })], claims: [claim(0, { disk: disk(0) })], statefulSet };
const running = { ...ready, contacts: contacts(report(0, { disk: disk(0) })) };
const own = { storage: { mode: 'Persistent', existingClaim: { name: 'my-disk' } } };
const full = { phase: 'Paused', reason: 'VolumeFull', message: 'Paused: 0 of 64 MiB are free.', ready: false } as const;
const inUse = {
  phase: 'DiskFailed',
  reason: 'VolumeInUse',
  message: 'Pod school/other-0 uses this volume.',
  ready: false,
} as const;
const larger = { storage: { mode: 'Persistent', size: '8Gi' } };
const refused = {
  ...running,
  refusals: [{ uid: 'claim-0', bytes: 8 * 2 ** 30, message: 'forbidden: no', at: 0 }],
};
const snapshot = { storage: { mode: 'Hybrid' }, disk: { snapshot: { reference: 'registry.test/win98:base' } } };
const request = { reference: 'registry.test/win98:base', plainHTTP: false, pullSecret: undefined, ca: undefined };

describe('conditions', () => {
  const cases: [sentence: string, spec: object, seen: Partial<Observed>, type: string, wanted: object][] = [
    ['a new Emulator is on its way', {}, {}, 'Reconciling', { status: 'True', reason: 'Progressing' }],
    ['a new Emulator is not ready', {}, {}, 'Ready', { status: 'False', reason: 'MachinesNotReady' }],
    ['a machine that runs makes it ready', {}, running, 'Ready', { status: 'True', reason: 'MachinesReady' }],
    ['a ready Emulator is up to date', {}, running, 'Reconciling', { status: 'False', reason: 'UpToDate' }],
    ['disks are ready when each machine reported one', {}, running, 'DisksReady', { status: 'True' }],
    ['without a snapshot there is no condition for it', {}, running, 'SnapshotResolved', {}],
    [
      'one machine of two that is not ready is named',
      { replicas: 2 },
      {
        ...running,
        pods: [...running.pods, pod(1)],
        contacts: contacts(report(1, { phase: 'Starting', message: 'Boots' })),
      },
      'Ready',
      { status: 'False', message: '1 of 2 machines are ready. classroom-1 is Starting: Boots' },
    ],
    [
      'no machine wanted is ready',
      { replicas: 0 },
      { statefulSet },
      'Ready',
      { status: 'True', reason: 'NoMachinesWanted' },
    ],
    [
      'stopped is not ready',
      { powerState: 'Stopped' },
      { statefulSet },
      'Ready',
      { status: 'False', reason: 'Stopped' },
    ],
    ['stopped is as wanted', { powerState: 'Stopped' }, { statefulSet }, 'Reconciling', { status: 'False' }],
    [
      'a guest that still shuts down is told of',
      { powerState: 'Stopped' },
      { ...running, pods: [pod(0, { deleting: true })] },
      'Ready',
      { status: 'False', reason: 'Stopping', message: '1 machine is shutting down' },
    ],
    [
      'a machine that waits for a disk makes the summary say so',
      {},
      { pods: [pod(0)], contacts: contacts(report(0, { phase: 'AwaitingDisk', message: 'No disk in the image.' })) },
      'Ready',
      { status: 'False', reason: 'AwaitingDisk' },
    ],
    [
      'the line to paste for an import stands in the condition',
      {},
      { pods: [pod(0)], contacts: contacts(report(0, { phase: 'AwaitingDisk', message: 'No disk in the image.' })) },
      'DisksReady',
      {
        status: 'False',
        reason: 'AwaitingDisk',
        message:
          'No disk in the image. Import one with: kubectl exec -i -n school classroom-0 -c init-disk-image -- loco-agent import < win98.qcow2',
      },
    ],
    [
      'a machine that found no source is told of with what it tried',
      {},
      { pods: [pod(0)], contacts: contacts(report(0, { phase: 'DiskFailed', message: 'Builtin: no such file' })) },
      'DisksReady',
      { status: 'False', reason: 'DiskFailed', message: 'classroom-0: Builtin: no such file' },
    ],
    [
      'a pod that can not be scheduled says why',
      {},
      {
        pods: [
          pod(0, {
            running: false,
            obstacle: { reason: 'Unschedulable', message: 'Unschedulable: 0/1 nodes are available' },
          }),
        ],
      },
      'Ready',
      { message: '0 of 1 machines are ready. classroom-0 is Pending: Unschedulable: 0/1 nodes are available' },
    ],
    [
      'an existing claim that is not there is named',
      { storage: { mode: 'Persistent', existingClaim: { name: 'my-disk' } } },
      {},
      'DisksReady',
      { status: 'False', reason: 'ClaimNotFound' },
    ],
    [
      'an existing claim that is not there makes the summary say so',
      { storage: { mode: 'Persistent', existingClaim: { name: 'my-disk' } } },
      {},
      'Ready',
      { status: 'False', reason: 'ClaimNotFound' },
    ],
    [
      'a pod of an older template asks for a restart with the line to paste',
      {},
      { ...running, statefulSet: { ...statefulSet, updateRevision: 'classroom-2' } },
      'RestartRequired',
      {
        status: 'True',
        reason: 'TemplateChanged',
        message: expect.stringContaining('kubectl delete pod -n school classroom-0'),
      },
    ],
    [
      'while the StatefulSet controller has not seen the newest template nothing is said of restarts',
      {},
      { ...running, statefulSet: { ...statefulSet, updateRevision: undefined } },
      'RestartRequired',
      { status: 'Unknown' },
    ],
    [
      'a machine that waits for a volume in use has no disk that it may use, and its holder is named',
      {},
      { ...running, pods: [pod(0)], contacts: contacts(report(0, inUse)) },
      'DisksReady',
      { status: 'False', reason: 'DiskFailed', message: 'classroom-0: Pod school/other-0 uses this volume.' },
    ],
    ['guests that run write to their disks', {}, running, 'DisksWritable', { status: 'True', reason: 'DisksWritable' }],
    [
      'of a machine that runs and was not heard of nobody knows whether it can write',
      {},
      { pods: [pod(0)] },
      'DisksWritable',
      { status: 'Unknown', reason: 'AwaitingReport', message: expect.stringContaining('agent of classroom-0') },
    ],
    [
      'of a machine that does not run yet it is known that it does not write',
      {},
      { pods: [pod(0, { running: false })] },
      'DisksWritable',
      { status: 'Unknown', reason: 'NoMachineRuns' },
    ],
    [
      'a registry that is not asked, because something stands in the way, is not said to be',
      { ...snapshot, pod: { resources: { limits: { memory: '600Mi' } } } },
      {},
      'SnapshotResolved',
      {
        status: 'Unknown',
        reason: 'NotResolving',
        message: expect.stringMatching(/^The registry is not asked for the digest of registry\.test.*memory/),
      },
    ],
    [
      'nor is one of an Unmanaged Emulator',
      { ...snapshot, managementPolicy: 'Unmanaged' },
      {},
      'SnapshotResolved',
      { status: 'Unknown', reason: 'NotResolving', message: expect.stringContaining('managementPolicy is Unmanaged') },
    ],
    [
      'while no guest runs nobody knows whether it could write',
      {},
      { pods: [pod(0)], contacts: contacts(report(0, { phase: 'Preparing' })) },
      'DisksWritable',
      { status: 'Unknown', reason: 'NoMachineRuns' },
    ],
    [
      'a full volume is told of with its figures',
      {},
      { ...running, pods: [pod(0)], contacts: contacts(report(0, full)) },
      'DisksWritable',
      { status: 'False', reason: 'VolumeFull', message: 'classroom-0: Paused: 0 of 64 MiB are free.' },
    ],
    [
      'a machine that a full volume pauses makes the summary say so',
      {},
      { ...running, pods: [pod(0)], contacts: contacts(report(0, full)) },
      'Ready',
      { status: 'False', reason: 'VolumeFull' },
    ],
    [
      'of several machines that can not write the others are named',
      { replicas: 3 },
      {
        ...running,
        pods: [pod(0), pod(1), pod(2)],
        contacts: contacts(report(0), report(1, full), report(2, { phase: 'Running', reason: 'DiskGone' })),
      },
      'DisksWritable',
      {
        status: 'False',
        reason: 'VolumeFull',
        message: expect.stringContaining('Not writable either: the disks of classroom-2.'),
      },
    ],
    ['volumes of the size that the spec asks for are', {}, running, 'VolumesResized', { status: 'True' }],
    [
      'volumes that a driver still has to make larger are told of',
      larger,
      { ...running, claims: [claim(0, { requestBytes: 8 * 2 ** 30 })] },
      'VolumesResized',
      {
        status: 'False',
        reason: 'Expanding',
        message: expect.stringContaining('win98-disk-classroom-0 is to grow to 8Gi and has 4Gi.'),
      },
    ],
    [
      'a claim without a volume grows later',
      larger,
      { claims: [claim(0, { bound: false, capacityBytes: undefined })] },
      'VolumesResized',
      { status: 'False', reason: 'Expanding', message: expect.stringContaining('has no volume yet') },
    ],
    [
      'a claim that the API server does not let grow is told of with its words and what to do',
      larger,
      refused,
      'VolumesResized',
      {
        status: 'False',
        reason: 'ExpansionRefused',
        message: expect.stringMatching(/classroom-0 stays at 4Gi: forbidden: no\. .*allowVolumeExpansion: true/),
      },
    ],
    ['a machine whose volume can not grow is ready', larger, refused, 'Ready', { status: 'True' }],
    ['an Ephemeral machine has no volume to resize', { storage: { mode: 'Ephemeral' } }, {}, 'VolumesResized', {}],
    [
      'what the API server refused is told',
      {},
      { failure: 'exceeded quota: pods=0' },
      'Ready',
      { status: 'False', reason: 'ApplyFailed', message: 'exceeded quota: pods=0' },
    ],
  ];

  test.each(cases)('%s', (_sentence, spec, seen, type, wanted) => {
    expect(condition(decided(emulator(spec), seen), type) ?? {}).toMatchObject(wanted);
  });
});

function held(state: ClaimHolder['state'], more: Partial<ObservedClaim> = {}): ObservedClaim {
  return claim(0, { emulator: 'other', emulatorUid: 'other-uid', holder: { name: 'other', state }, ...more });
}

describe('what stands in the way', () => {
  const cases: [sentence: string, spec: object, seen: Partial<Observed>, reason: string, stalled: string][] = [
    ['a claim of another Emulator', {}, { claims: [held('Present')] }, 'ClaimOfAnotherEmulator', 'True'],
    [
      'a claim that waits for its deleted Emulator, whose name for it is the same as ours',
      {},
      { claims: [held('Gone')] },
      'ClaimOfAnotherEmulator',
      'True',
    ],
    [
      'an existing claim that another Emulator uses',
      own,
      { claims: [held('Present', { name: 'my-disk' })] },
      'ClaimOfAnotherEmulator',
      'True',
    ],
    [
      'an existing claim whose machine of a deleted Emulator still shuts down',
      own,
      { claims: [held('Leaving', { name: 'my-disk' })] },
      'PredecessorLeaving',
      'False',
    ],
    [
      'a claim that is to go with a deleted Emulator of this name',
      {},
      { claims: [claim(0, { condemned: true, emulatorUid: 'former-uid' })] },
      'PredecessorLeaving',
      'False',
    ],
    [
      'an Emulator that was there first and wants the same claim, before there is one',
      {},
      { rivals: [{ emulator: 'older', claims: ['win98-disk-classroom-0'] }] },
      'ClaimOfAnotherEmulator',
      'True',
    ],
    [
      'an Emulator that was there first and wants the same claim, which is nobody’s yet',
      own,
      {
        claims: [claim(0, { name: 'my-disk', emulator: undefined })],
        rivals: [{ emulator: 'older', claims: ['my-disk'] }],
      },
      'ClaimOfAnotherEmulator',
      'True',
    ],
    [
      'an object of somebody else under our name',
      {},
      { foreignChildren: [{ kind: 'Service', name: 'classroom', ofPredecessor: false }] },
      'NameTaken',
      'True',
    ],
    [
      'an object of a predecessor that is being collected',
      {},
      { foreignChildren: [{ kind: 'StatefulSet', name: 'classroom', ofPredecessor: true }] },
      'PredecessorLeaving',
      'False',
    ],
    [
      'a memory limit below what the machine needs',
      { pod: { resources: { limits: { memory: '600Mi' } } } },
      {},
      'MemoryLimitTooSmall',
      'True',
    ],
  ];

  test.each(cases)('%s keeps everything as it is and says why', (_sentence, spec, seen, reason, stalled) => {
    const decision = decided(emulator(spec), seen);
    expect(decision).toMatchObject({ objects: undefined, claimPatches: [], claimDeletions: [], resolve: undefined });
    expect(condition(decision, 'Ready')).toMatchObject({ status: 'False', reason });
    expect(condition(decision, 'Stalled')?.status).toBe(stalled);
  });

  test('a claim of another Emulator beyond the machines that are wanted is no obstacle', () => {
    const second = held('Present', { ordinal: 1 });
    const decision = decided(emulator({ replicas: 1 }), { claims: [second] });
    expect(decision.objects).toBeDefined();
    expect(decision.claimPatches).toEqual([]);
  });

  test('whoever holds the disk is named, with what to do', () => {
    const message = (spec: object, seen: Partial<Observed>) =>
      condition(decided(emulator(spec), seen), 'Ready')?.message;
    expect(message(own, { claims: [held('Present', { name: 'my-disk' })] })).toMatch(
      /^PersistentVolumeClaim my-disk is used by Emulator other\. .*delete Emulator other/,
    );
    expect(message({}, { claims: [held('Gone')] })).toContain(
      'kubectl annotate pvc -n school win98-disk-classroom-0 --overwrite loco.mroie.github.io/emulator=classroom',
    );
    const rivals = [{ emulator: 'older', claims: ['win98-disk-classroom-0'] }];
    expect(message({}, { rivals })).toMatch(/used by Emulator older as well, which was there first/);
  });

  test('an existing claim whose Emulator is gone with its pods is taken over, before anything uses it', () => {
    const decision = decided(emulator(own), { claims: [held('Gone', { name: 'my-disk', disk: disk(0) })] });
    expect(decision.claimPatches).toMatchObject([
      {
        metadata: {
          name: 'my-disk',
          uid: 'claim-0',
          resourceVersion: 'version-0',
          annotations: {
            'loco.mroie.github.io/emulator': 'classroom',
            'loco.mroie.github.io/emulator-uid': 'emulator-uid',
          },
        },
      },
    ]);
    expect(decision.objects?.statefulSet).toBeUndefined();
    const next = decided(emulator(own), { claims: [claim(0, { name: 'my-disk', disk: disk(0) })] });
    expect(next.objects?.statefulSet).toBeDefined();
    expect(next.claimPatches).toEqual([]);
  });

  test('no pod waits for an existing claim that is not there: when it is, its owner is to be written on it first', () => {
    expect(decided(emulator(own)).objects?.statefulSet).toBeUndefined();
    expect(decided(emulator(own), { statefulSet }).objects?.statefulSet).toBeUndefined();
    const deleting = claim(0, { name: 'my-disk', emulator: undefined, deleting: true });
    expect(decided(emulator(own), { claims: [deleting] }).objects?.statefulSet).toBeUndefined();
    const stopped = decided(emulator({ ...own, powerState: 'Stopped' }), { statefulSet });
    expect(stopped.objects?.statefulSet?.spec?.replicas).toBe(0);
  });

  test('a claim beyond the replicas that goes with a deleted Emulator of this name is let go', () => {
    const condemned = claim(1, { condemned: true, emulatorUid: 'former-uid' });
    const decision = decided(emulator({ replicas: 1 }), { claims: [claim(0), condemned] });
    expect(decision.claimPatches).toEqual([]);
    expect(decision.objects?.statefulSet).toBeDefined();
  });

  test('an Emulator that was made again makes its claims its own before its machines use them', () => {
    const decision = decided(emulator(), { claims: [claim(0, { emulatorUid: 'of-before' })] });
    expect(decision.claimPatches).toMatchObject([{ metadata: { resourceVersion: 'version-0' } }]);
    expect(decision.objects?.statefulSet).toBeUndefined();
  });

  test('a claim that carries our name is ours, whoever was there first', () => {
    const rivals = [{ emulator: 'older', claims: ['win98-disk-classroom-0'] }];
    expect(decided(emulator(), { claims: [claim(0)], rivals }).objects?.statefulSet).toBeDefined();
  });
});

describe('the status', () => {
  test('a second pass over the same finds nothing to write and nothing to tell', () => {
    const first = decided(emulator(), running);
    const later = new Date(NOW.getTime() + 60_000);
    const second = decided(stored({}, first.status), running, later);
    expect(second.status).toEqual(first.status);
    expect(second.events).toEqual([]);
    expect(second.claimPatches).toEqual([]);
  });

  test('a condition keeps its time while its status stays, whatever its message says', () => {
    const first = decided(emulator(), { pods: [pod(0)], contacts: contacts(report(0, { phase: 'Starting' })) });
    const later = new Date(NOW.getTime() + 60_000);
    const other = { pods: [pod(0)], contacts: contacts(report(0, { phase: 'Preparing', message: 'Copying' })) };
    const second = decided(stored({}, first.status), other, later);
    const time = (decision: Decision) =>
      decision.status.conditions?.find(({ type }) => type === 'Ready')?.lastTransitionTime;
    expect(time(second)).toBe(time(first));
    expect(condition(second, 'Ready')?.message).not.toBe(condition(first, 'Ready')?.message);
  });

  test('a stopped machine keeps what it last reported of its disk, from its claim', () => {
    const claims = [claim(0, { disk: disk(0) })];
    const { status } = decided(emulator({ powerState: 'Stopped' }), { claims, statefulSet });
    expect(status.machines).toMatchObject([{ phase: 'Stopped', disk: { id: 'disk-0' }, ready: false }]);
    expect(status.diskOrigin).toBe('Builtin');
  });

  test('no disk is claimed that no machine reported', () => {
    const { status } = decided(emulator(), { pods: [pod(0, { ready: true })], claims: [claim(0)], statefulSet });
    expect(status.machines?.[0]).not.toHaveProperty('disk');
    expect(status).not.toHaveProperty('diskOrigin');
  });

  test('an Ephemeral disk is forgotten with its pod', () => {
    const spec = { storage: { mode: 'Ephemeral' } };
    const first = decided(emulator(spec), { ...running, claims: [] });
    expect(first.status.diskOrigin).toBe('Builtin');
    const second = decided(stored(spec, first.status), { statefulSet });
    expect(second.status.machines?.[0]).not.toHaveProperty('disk');
  });

  test('a machine whose guest is off or paused is not ready, while kubelet still has it for ready', () => {
    const off = report(0, { phase: 'PoweredOff', ready: false, disk: disk(0) });
    for (const said of [off, report(0, { ...full, disk: disk(0) })]) {
      const decision = decided(emulator(), { ...running, contacts: contacts(said) });
      expect(decision.status).toMatchObject({ readyReplicas: 0, machines: [{ ready: false }] });
      expect(condition(decision, 'Ready')?.status).toBe('False');
    }
  });

  test('a machine that says it is ready is not before kubelet has it for ready, too', () => {
    const { status } = decided(emulator(), { ...running, pods: [pod(0)] });
    expect(status.machines?.[0]?.ready).toBe(false);
  });

  test('what is known of a disk from earlier is not given for what is there now', () => {
    const confirmed = (decision: Decision) => decision.status.machines?.[0]?.disk?.confirmed;
    const up = decided(emulator(), running);
    expect(confirmed(up)).toBe(true);
    const stopped = decided(emulator({ powerState: 'Stopped' }), { claims: running.claims, statefulSet });
    expect(confirmed(stopped)).toBe(false);
    expect(stopped.status.machines?.[0]?.message).toContain('what it last reported, not what is on its volume now');
    const looking = { ...running, contacts: contacts(report(0, { phase: 'Preparing' })) };
    expect(confirmed(decided(emulator(), looking))).toBe(false);
    const lost = new Map([['pod-0', { report: report(0, { disk: disk(0) }), state: 'Lost' as const, since: NOW }]]);
    expect(confirmed(decided(emulator(), { ...running, contacts: lost }))).toBe(false);
  });

  test('a volume that was swapped while the machine was stopped shows its own disk at the next start', () => {
    const swapped = disk(0, { id: 'another', origin: 'Imported' });
    const decision = decided(emulator(), { ...running, contacts: contacts(report(0, { disk: swapped })) });
    expect(decision.status.machines?.[0]?.disk).toMatchObject({ id: 'another', origin: 'Imported', confirmed: true });
    expect(decision.claimPatches).toHaveLength(1);
    const written = decision.claimPatches[0]?.metadata.annotations?.['loco.mroie.github.io/disk'] ?? '';
    expect(JSON.parse(written)).toMatchObject({ id: 'another' });
  });

  test('a volume in use keeps what is known of its disk', () => {
    const decision = decided(emulator(), { ...running, contacts: contacts(report(0, inUse)) });
    expect(decision.status.machines?.[0]).toMatchObject({ reason: 'VolumeInUse', disk: { id: 'disk-0' } });
    expect(decision.claimPatches).toEqual([]);
  });

  test('what stands in a machine’s way is a word of its own', () => {
    const reason = (seen: Partial<Observed>) => decided(emulator(), seen).status.machines?.[0]?.reason;
    expect(reason(running)).toBeUndefined();
    expect(reason({ ...running, contacts: contacts(report(0, full)) })).toBe('VolumeFull');
    const evicted = pod(0, { running: false, obstacle: { reason: 'Evicted', message: 'Evicted: over its limit' } });
    expect(reason({ ...running, pods: [evicted] })).toBe('Evicted');
  });

  test('how far a preparation is can be read', () => {
    const MIB = 2 ** 20;
    const progress = {
      step: 'Pulling' as const,
      doneBytes: 120 * MIB,
      totalBytes: 280 * MIB,
      percent: 43,
      bytesPerSecond: 12 * MIB,
      secondsLeft: 13,
    };
    const pulling = contacts(report(0, { phase: 'Preparing', message: 'The snapshot is fetched.', progress }));
    const decision = decided(emulator(), { pods: [pod(0)], contacts: pulling });
    const text = 'Pulling 43 % (120 of 280 MiB, 12 MiB/s, 13 s left). The snapshot is fetched.';
    expect(decision.status.machines?.[0]).toMatchObject({ progress, message: text });
    expect(condition(decision, 'Ready')?.message).toContain(text);
  });

  test('a container that was ended and started again stays told of while its pod lives', () => {
    const lastEnd = { reason: 'OOMKilled', message: 'container emulator ended with exit code 137 (OOMKilled)' };
    const { status } = decided(emulator(), { ...running, pods: [pod(0, { ready: true, lastEnd, restarts: 2 })] });
    expect(status.machines?.[0]).toMatchObject({
      restarts: 2,
      message: 'The guest runs (Started again: container emulator ended with exit code 137 (OOMKilled))',
    });
  });

  test('a disk on a claim that is another Emulator’s is not shown as ours', () => {
    const claims = [held('Present', { disk: disk(0) })];
    expect(decided(emulator(), { claims }).status.machines?.[0]).not.toHaveProperty('disk');
  });

  test('disks of several origins are Mixed', () => {
    const claims = [claim(0, { disk: disk(0) }), claim(1, { disk: disk(1, { origin: 'Imported' }) })];
    expect(decided(emulator({ replicas: 2 }), { claims }).status.diskOrigin).toBe('Mixed');
  });

  test('just after a restart of the operator a machine counts as it was', () => {
    const first = decided(emulator(), running);
    const silent = new Map([['pod-0', { report: undefined, state: 'Settling' as const, since: NOW }]]);
    const second = decided(stored({}, first.status), { ...ready, contacts: silent });
    expect(second.status).toEqual(first.status);
  });

  test('and is neither said to be unknown nor told of twice when its agent answers, however late', () => {
    const paused = { ...running, contacts: contacts(report(0, { ...full, disk: disk(0) })) };
    const first = decided(emulator(), paused);
    const silent = new Map([['pod-0', { report: undefined, state: 'Settling' as const, since: NOW }]]);
    const second = decided(stored({}, first.status), { ...paused, contacts: silent });
    expect(second).toMatchObject({ status: first.status, events: [] });
    expect(decided(stored({}, second.status), paused).events).toEqual([]);
  });

  test('what Kubernetes says of its pod counts all the same', () => {
    const first = decided(emulator(), running);
    const silent = new Map([['pod-0', { report: undefined, state: 'Settling' as const, since: NOW }]]);
    const machine = (more: object) =>
      decided(stored({}, first.status), { ...ready, pods: [pod(0, more)], contacts: silent }).status.machines?.[0];
    const obstacle = { reason: 'CrashLoopBackOff', message: 'container emulator ended' };
    expect(machine({ obstacle })).toMatchObject({ phase: 'Pending', ...obstacle, ready: false });
    expect(machine({ deleting: true })).toMatchObject({ phase: 'Stopping', ready: false });
  });

  test('a message of any length is cut, and the status can be stored', () => {
    const message = 'm'.repeat(100_000);
    const failing = { pods: [pod(0)], contacts: contacts(report(0, { phase: 'DiskFailed', message })) };
    const obstructed = { pods: [pod(0, { obstacle: { reason: 'Unschedulable', message } })] };
    for (const seen of [failing, obstructed, { failure: message }]) {
      const { status } = decided(emulator(), seen);
      expect(emulatorStatusSchema.parse(status)).toEqual(status);
      expect(condition({ status } as Decision, 'Ready')?.message).toMatch(/mmm…$/);
    }
    const awaiting = contacts(report(0, { phase: 'AwaitingDisk', message }));
    const waiting = decided(emulator(), { pods: [pod(0)], contacts: awaiting });
    expect(waiting.status.machines?.[0]?.message).toMatch(/… Import one with: .* < win98\.qcow2$/);
  });

  test('a machine whose agent went silent is told of, with since when', () => {
    const lost = new Map([['pod-0', { report: report(0, { disk: disk(0) }), state: 'Lost' as const, since: NOW }]]);
    const { status } = decided(emulator(), { ...ready, contacts: lost });
    expect(status.machines?.[0]?.message).toBe('The guest runs (the agent is silent since 2026-11-21T10:00:00.000Z)');
  });

  test('a restart that is needed stays so, and is told once, while the StatefulSet controller lags', () => {
    const lagging = { ...running, statefulSet: { ...statefulSet, updateRevision: undefined } };
    const newer = { ...running, statefulSet: { ...statefulSet, updateRevision: 'classroom-2' } };
    const upToDate = decided(emulator(), running);
    const needed = decided(stored({}, upToDate.status), newer);
    const lagged = decided(stored({}, needed.status), lagging);
    const again = decided(stored({}, lagged.status), newer);
    const all = [upToDate, needed, lagged, again];
    expect(all.map((decision) => condition(decision, 'RestartRequired')?.status)).toEqual([
      'False',
      'True',
      'True',
      'True',
    ]);
    const told = all.map(({ events }) => events.filter(({ reason }) => reason === 'RestartRequired').length);
    expect(told).toEqual([0, 1, 0, 0]);
  });

  test('the scale subresource has pods, ready ones and a selector', () => {
    expect(decided(emulator({ replicas: 2 }), running).status).toMatchObject({
      replicas: 1,
      readyReplicas: 1,
      readyMachines: '1/2',
      selector: 'app.kubernetes.io/name=loco-emulator,app.kubernetes.io/instance=classroom',
    });
  });
});

describe('the snapshot', () => {
  test('a reference that nobody resolved yet is resolved, and the machines are made meanwhile', () => {
    const decision = decided(emulator(snapshot));
    expect(decision.resolve).toEqual(request);
    expect(decision.objects?.statefulSet?.spec?.replicas).toBe(1);
    expect(condition(decision, 'SnapshotResolved')).toMatchObject({ status: 'Unknown', reason: 'Resolving' });
  });

  test('a digest that was found is stored before any machine hears of it', () => {
    const resolve = {
      request,
      running: false,
      digest: DIGEST,
      failure: undefined,
      failures: 0,
      endedAt: 0,
      goodSince: NOW,
    };
    const decision = decided(emulator(snapshot), { resolve });
    expect(decision).toMatchObject({ statusFirst: true, resolve: undefined });
    expect(decision.status.snapshot).toEqual({ reference: request.reference, digest: DIGEST });
    expect(decision.objects?.plan.data?.['plan.json']).toContain(DIGEST);
  });

  test('a pinned digest is not asked for again', () => {
    const of = emulator(snapshot, { status: { snapshot: { reference: request.reference, digest: DIGEST } } });
    expect(decided(of)).toMatchObject({ resolve: undefined, statusFirst: false, againAfterMs: undefined });
  });

  test('another reference is resolved anew', () => {
    const of = emulator(snapshot, { status: { snapshot: { reference: 'registry.test/old:1', digest: DIGEST } } });
    expect(decided(of).resolve).toEqual(request);
    expect(decided(of).status.snapshot).toBeUndefined();
  });

  test('a reference by digest needs no registry', () => {
    const spec = { ...snapshot, disk: { snapshot: { reference: `registry.test/win98@${DIGEST}` } } };
    expect(decided(emulator(spec))).toMatchObject({ resolve: undefined, status: { snapshot: { digest: DIGEST } } });
  });

  const failure = { reason: 'RegistryAuthFailed', message: 'Correct the Secret.' };
  const failed = (failures: number) => ({
    resolve: { request, running: false, digest: undefined, failure, failures, endedAt: 0, goodSince: undefined },
  });

  test('a failure stands in condition and plan, with its reason', () => {
    const decision = decided(emulator(snapshot), failed(1));
    expect(condition(decision, 'SnapshotResolved')).toMatchObject({ status: 'False', ...failure });
    expect(decision.objects?.plan.data?.['plan.json']).toContain('RegistryAuthFailed: Correct the Secret.');
  });

  test('while a machine waits for it a failed resolve is tried again within 15 s, however often it failed', () => {
    const seen = { ...failed(50), pods: [pod(0)], contacts: contacts(report(0, { phase: 'AwaitingSnapshot' })) };
    expect(decided(emulator(snapshot), seen)).toMatchObject({ resolve: undefined, againAfterMs: 15_000 });
    expect(decided(emulator(snapshot), { ...seen, monotonicMs: 15_000 }).resolve).toEqual(request);
  });

  test('when nobody waits it is tried less often', () => {
    expect(decided(emulator(snapshot), { ...running, ...failed(50) }).againAfterMs).toBe(300_000);
  });

  test('other credentials are tried at once', () => {
    const disk = { snapshot: { reference: request.reference, pullSecretRef: { name: 'new' } } };
    expect(decided(emulator({ ...snapshot, disk }), failed(50)).resolve).toMatchObject({ pullSecret: 'new' });
  });

  test('machines that wait are nudged when the plan changed after they were made, once', () => {
    const of = emulator(snapshot, { status: { snapshot: { reference: request.reference, digest: DIGEST } } });
    const text = decided(of).objects?.plan.data?.['plan.json'] ?? '';
    const waiting = { pods: [pod(0)], contacts: contacts(report(0, { phase: 'AwaitingSnapshot' })) };
    const plan = { text, changedAt: NOW };
    expect(decided(of, { ...waiting, plan }).nudges).toEqual([
      {
        pod: 'classroom-0',
        uid: 'pod-0',
        resourceVersion: 'pod-version-0',
        annotations: { 'loco.mroie.github.io/plan-hash': planHash(text) },
      },
    ]);
    const told = [pod(0, { planHash: planHash(text) })];
    expect(decided(of, { ...waiting, pods: told, plan }).nudges).toEqual([]);
    const older = { text, changedAt: new Date('2026-11-21T08:00:00.000Z') };
    expect(decided(of, { ...waiting, plan: older }).nudges).toEqual([]);
    expect(decided(of, { ...running, plan }).nudges).toEqual([]);
  });
});

describe('asking for what a tag is now', () => {
  const old = { reference: request.reference, digest: DIGEST };
  const NEW = `sha256:${'e'.repeat(64)}`;
  const asking = (value: string | undefined, status: EmulatorStatus['snapshot'] = old) => {
    const of = emulator(snapshot, { status: { snapshot: status } });
    const annotations = value === undefined ? {} : { 'loco.mroie.github.io/resolve-snapshot': value };
    return { ...of, metadata: { ...of.metadata, annotations } };
  };
  const answered = (again: string, digest: string) => ({
    resolve: {
      request: { ...request, again },
      running: false,
      digest,
      failure: undefined,
      failures: 0,
      endedAt: 0,
      goodSince: NOW,
    },
  });

  test('keeps the pinned digest until the registry has answered', () => {
    const decision = decided(asking('monday'));
    expect(decision).toMatchObject({ resolve: { ...request, again: 'monday' }, statusFirst: false, events: [] });
    expect(decision.status.snapshot).toEqual(old);
    expect(decision.objects?.plan.data?.['plan.json']).toContain(DIGEST);
    expect(condition(decision, 'SnapshotResolved')).toMatchObject({ status: 'True', reason: 'ResolvingAnew' });
  });

  test('pins the new digest once and tells of it, and machines keep the disks that they have', () => {
    const decision = decided(asking('monday'), { ...running, ...answered('monday', NEW) });
    const pinned = { reference: request.reference, digest: NEW, resolveRequest: 'monday' };
    expect(decision).toMatchObject({ statusFirst: true, resolve: undefined, nudges: [] });
    expect(decision.status.snapshot).toEqual(pinned);
    expect(decision.status.machines?.[0]?.disk).toMatchObject({ id: 'disk-0', digest: DIGEST });
    expect(decision.events.find(({ reason }) => reason === 'SnapshotResolved')).toMatchObject({
      note: expect.stringContaining(`is ${NEW} now, and was ${DIGEST}`),
    });
    for (const of of [asking('monday', pinned), asking(undefined, pinned)]) {
      const after = decided(of, { ...running, ...answered('monday', NEW) });
      expect(after).toMatchObject({ resolve: undefined, statusFirst: false, status: { snapshot: pinned } });
      expect(after.events.filter(({ reason }) => reason === 'SnapshotResolved')).toEqual([]);
    }
  });

  test('any new value asks again, and an answer to an older one does not count', () => {
    const decision = decided(asking('tuesday'), answered('monday', NEW));
    expect(decision).toMatchObject({ resolve: { again: 'tuesday' }, status: { snapshot: old } });
  });

  test('says what keeps the registry from answering, and leaves it alone for as long as it wants', () => {
    const failure = { reason: 'RegistryThrottled', message: 'Too many requests.', retryAfterSeconds: 60 };
    const { resolve } = answered('monday', NEW);
    const seen = { resolve: { ...resolve, digest: undefined, failure, failures: 1 } };
    const decision = decided(asking('monday'), seen);
    expect(decision).toMatchObject({ resolve: undefined, againAfterMs: 60_000, status: { snapshot: old } });
    expect(condition(decision, 'SnapshotResolved')?.message).toContain('RegistryThrottled: Too many requests.');
  });

  test('does nothing to a reference by digest', () => {
    const reference = `registry.test/win98@${DIGEST}`;
    const of = emulator({ ...snapshot, disk: { snapshot: { reference } } });
    const annotations = { 'loco.mroie.github.io/resolve-snapshot': 'monday' };
    expect(decided({ ...of, metadata: { ...of.metadata, annotations } })).toMatchObject({ resolve: undefined });
  });
});

describe('a registry that turns a machine away', () => {
  const reference = `registry.test/win98@${DIGEST}`;
  const of = emulator({ ...snapshot, disk: { snapshot: { reference } } });
  const attempts = [{ source: 'Snapshot' as const, reason: 'RegistryAuthFailed', message: 'no' }];
  const away = { pods: [pod(0)], contacts: contacts(report(0, { phase: 'DiskFailed', attempts })) };
  const asked = { reference, digest: DIGEST, plainHTTP: false, pullSecret: undefined, ca: undefined };
  const ended = { request: asked, running: false, endedAt: 0 };
  const refusedAgain = { ...ended, digest: undefined, failure: attempts[0], failures: 9, goodSince: undefined };
  const letIn = { ...ended, digest: DIGEST, failure: undefined, failures: 0, goodSince: NOW };

  test('is asked for the pinned digest, too, until it lets us in', () => {
    expect(decided(of, away)).toMatchObject({ resolve: asked, nudges: [], statusFirst: true });
    const waits = decided(of, { ...away, resolve: refusedAgain });
    expect(waits).toMatchObject({ resolve: undefined, againAfterMs: 15_000, nudges: [] });
    expect(condition(waits, 'SnapshotResolved')).toMatchObject({ status: 'True' });
    expect(decided(of, { ...away, resolve: refusedAgain, monotonicMs: 15_000 }).resolve).toEqual(asked);
  });

  test('makes the pods look at their mounts once when it lets us in', () => {
    const annotations = { 'loco.mroie.github.io/registry-access-at': NOW.toISOString() };
    const nudged = decided(of, { ...away, resolve: letIn });
    expect(nudged.nudges).toEqual([
      { pod: 'classroom-0', uid: 'pod-0', resourceVersion: 'pod-version-0', annotations },
    ]);
    const told = { ...away, pods: [pod(0, { accessToldAt: NOW.toISOString() })], resolve: letIn };
    expect(decided(of, told)).toMatchObject({ nudges: [], resolve: undefined, againAfterMs: 15_000 });
  });

  test('is not asked when the machine fails for another reason, or has its disk', () => {
    const full = [{ source: 'Snapshot' as const, reason: 'NoSpace', message: 'full' }];
    const other = { pods: [pod(0)], contacts: contacts(report(0, { phase: 'DiskFailed', attempts: full })) };
    expect(decided(of, other)).toMatchObject({ resolve: undefined, againAfterMs: undefined });
    expect(decided(of, { ...running, resolve: letIn })).toMatchObject({ resolve: undefined, nudges: [] });
  });
});

describe('events', () => {
  const reasons = (decision: Decision) => decision.events.map(({ reason }) => reason);

  test('a new disk and a machine that became ready are told once', () => {
    const first = decided(emulator(), { ...running, claims: [claim(0)] });
    expect(reasons(first)).toEqual(['DiskPrepared', 'MachineReady']);
    expect(reasons(decided(stored({}, first.status), running))).toEqual([]);
  });

  test('a disk that its claim knew already is no news, to a recreated Emulator neither', () => {
    expect(reasons(decided(emulator(), running))).toEqual(['MachineReady']);
  });

  test('a source that was passed over is named with the disk', () => {
    const attempts = [{ source: 'Builtin' as const, reason: 'BuiltinMissing', message: 'no file' }];
    const said = report(0, { disk: disk(0, { origin: 'Snapshot' }), attempts });
    const { events } = decided(emulator(), { ...running, claims: [claim(0)], contacts: contacts(said) });
    expect(events[0]?.note).toContain('origin Snapshot');
    expect(events[0]?.note).toContain('Builtin was not used: BuiltinMissing: no file');
  });

  test.each([
    ['Clean', 'Normal'],
    ['SafeToPowerOff', 'Normal'],
    ['Unclean', 'Warning'],
  ] as const)('a guest that ended is told of with how: %s', (kind, type) => {
    const first = decided(emulator(), running);
    const lastStop = { kind, at: NOW.toISOString(), message: 'so' };
    const stopped = { ...running, contacts: contacts(report(0, { disk: disk(0, { lastStop }) })) };
    const second = decided(stored({}, first.status), stopped);
    expect(second.events).toMatchObject([{ type, reason: 'MachineStopped', note: `classroom-0: ${kind}: so` }]);
    expect(second.status.machines?.[0]?.disk?.lastStop).toEqual(lastStop);
    expect(reasons(decided(stored({}, second.status), stopped))).toEqual([]);
  });

  test('a disk that took the place of a damaged one is told of with where that lies', () => {
    const before = decided(emulator(), running).status;
    const predecessor = {
      path: '/images/.loco/quarantine/x',
      reason: 'DiskCut',
      message: 'cut',
      at: NOW.toISOString(),
    };
    const seen = { ...running, contacts: contacts(report(0, { disk: disk(0, { id: 'new', predecessor }) })) };
    const first = decided(stored({}, before), seen);
    expect(first.events).toMatchObject([
      {
        type: 'Warning',
        reason: 'DiskQuarantined',
        note: expect.stringMatching(
          /\/images\/\.loco\/quarantine\/x on PersistentVolumeClaim win98-disk-classroom-0.*cut/,
        ),
      },
      { type: 'Normal', reason: 'DiskPrepared' },
    ]);
    expect(first.status.machines?.[0]?.disk).toMatchObject({ predecessor });
    expect(reasons(decided(stored({}, first.status), seen))).toEqual([]);
  });

  test('another disk than before is told of, whoever knew the old one', () => {
    const swapped = { ...running, contacts: contacts(report(0, { disk: disk(0, { id: 'new' }) })) };
    const before = decided(emulator(), running).status;
    const { events } = decided(stored({}, before), swapped);
    expect(events[0]).toMatchObject({
      type: 'Warning',
      reason: 'DiskReplaced',
      note: expect.stringMatching(
        /has another disk than before: it was emptied, swapped or written to by others\. Now: disk new.*before: disk disk-0/,
      ),
    });
    expect(reasons(decided(emulator(), swapped))).toEqual(['DiskReplaced', 'DiskPrepared', 'MachineReady']);
    // Its claim was told already, by a pass that could not store the status.
    const claims = [claim(0, { disk: disk(0, { id: 'new' }) })];
    expect(reasons(decided(stored({}, before), { ...swapped, claims }))).toEqual(['DiskReplaced', 'DiskPrepared']);
  });

  test('an Ephemeral machine’s next disk replaces nothing', () => {
    const spec = { storage: { mode: 'Ephemeral' } };
    const before = decided(emulator(spec), { ...running, claims: [] }).status;
    const next = { ...running, claims: [], contacts: contacts(report(0, { disk: disk(0, { id: 'new' }) })) };
    expect(reasons(decided(stored(spec, before), next))).toEqual(['DiskPrepared']);
  });

  test('a volume that has no disk any more is told of', () => {
    const before = decided(emulator(), running).status;
    const empty = { ...running, contacts: contacts(report(0, { phase: 'AwaitingDisk', message: 'None.' })) };
    const first = decided(stored({}, before), empty);
    expect(reasons(first)).toEqual(['DiskMissing', 'AwaitingDisk']);
    expect(first.events[0]?.note).toContain('win98-disk-classroom-0 has no disk any more: it was emptied or swapped');
    expect(first.status.machines?.[0]).not.toHaveProperty('disk');
  });

  test('a PVC that is deleted takes what was known of its disk along, and that is told of', () => {
    const before = decided(emulator(), running).status;
    const stopped = { powerState: 'Stopped' };
    const first = decided(stored(stopped, before), { statefulSet });
    expect(first.events).toMatchObject([
      { type: 'Warning', reason: 'DiskMissing', note: expect.stringContaining('its PersistentVolumeClaim is gone') },
    ]);
    expect(first.status.machines?.[0]).not.toHaveProperty('disk');
    expect(reasons(decided(stored(stopped, first.status), { statefulSet }))).toEqual([]);
    // Another one of its name, of which nobody has said anything yet, is not the old one and no news.
    const another = { statefulSet, claims: [claim(0, { uid: 'another', emulator: undefined })] };
    expect(reasons(decided(stored(stopped, before), another))).toEqual([]);
    expect(decided(stored(stopped, before), another).status.machines?.[0]).not.toHaveProperty('disk');
  });

  test('that a guest can not write, and that it can again, is told once each', () => {
    const before = decided(emulator(), running).status;
    const paused = { ...running, contacts: contacts(report(0, { ...full, disk: disk(0) })) };
    const first = decided(stored({}, before), paused);
    expect(first.events).toEqual([
      {
        type: 'Warning',
        reason: 'VolumeFull',
        action: 'WriteDisk',
        note: 'classroom-0: Paused: 0 of 64 MiB are free.',
      },
    ]);
    expect(reasons(decided(stored({}, first.status), paused))).toEqual([]);
    expect(decided(stored({}, first.status), running).events).toMatchObject([
      { type: 'Normal', reason: 'DisksWritable', note: 'classroom-0 can write to its disk again' },
      { type: 'Normal', reason: 'MachineReady' },
    ]);
    const stopping = { ...running, contacts: contacts(report(0, { phase: 'Stopping', ready: false, disk: disk(0) })) };
    expect(reasons(decided(stored({}, first.status), stopping))).toEqual([]);
  });

  test('a container that was started again, a pod that was evicted and a guest that is off are told of', () => {
    const before = decided(emulator(), running).status;
    const told = (seen: Partial<Observed>) => {
      const first = decided(stored({}, before), { ...running, ...seen });
      expect(decided(stored({}, first.status), { ...running, ...seen }).events).toEqual([]);
      return first.events.map(({ type, reason, note }) => `${type} ${reason} ${note}`);
    };
    const lastEnd = { reason: 'OOMKilled', message: 'container emulator ended' };
    const atFirst = decided(emulator(), { ...running, pods: [pod(0, { restarts: 1, lastEnd })] });
    expect(reasons(atFirst)).toContain('MachineRestarted');
    expect(told({ pods: [pod(0, { ready: true, restarts: 1, lastEnd })] })).toEqual([
      'Warning MachineRestarted classroom-0 was started again (once in this pod): container emulator ended',
    ]);
    expect(told({ pods: [pod(0, { obstacle: { reason: 'Evicted', message: 'Evicted: low on disk' } })] })).toEqual([
      'Warning MachineEvicted classroom-0: Evicted: low on disk',
    ]);
    const off = report(0, { phase: 'PoweredOff', reason: 'GuestPoweredOff', message: 'Off.', disk: disk(0) });
    expect(told({ contacts: contacts(off) })).toEqual(['Normal GuestPoweredOff classroom-0: Off.']);
  });

  test('a disk that fails for another reason than before is told of again', () => {
    const failing = (reason: string, message: string) => ({
      ...running,
      contacts: contacts(report(0, { phase: 'DiskFailed', reason, message })),
    });
    const first = decided(emulator(), failing('VolumeInUse', 'In use.')).status;
    expect(decided(stored({}, first), failing('VolumeInUse', 'Still in use.')).events).toEqual([]);
    expect(decided(stored({}, first), failing('DiskCorrupt', 'Damaged.')).events).toMatchObject([
      { reason: 'DiskFailed', note: 'classroom-0: Damaged.' },
    ]);
  });

  test('that a volume grows, can not, or has is told once each', () => {
    const before = decided(emulator(), running).status;
    const told = (spec: object, status: EmulatorStatus, seen: Partial<Observed>) =>
      decided(stored(spec, status), seen).events.map(({ type, reason }) => `${type} ${reason}`);
    expect(told(larger, before, running)).toEqual(['Normal Expanding']);
    const growing = decided(emulator(larger), running).status;
    expect(told(larger, growing, running)).toEqual([]);
    expect(told(larger, growing, refused)).toEqual(['Warning ExpansionRefused']);
    const grown = { requestBytes: 8 * 2 ** 30, capacityBytes: 8 * 2 ** 30 };
    const done = { ...running, claims: [claim(0, { disk: disk(0), ...grown })] };
    expect(told(larger, growing, done)).toEqual(['Normal VolumesResized']);
    expect(told(larger, before, done)).toEqual([]);
  });

  test('a wait for a disk is told with the line to paste', () => {
    const waiting = { pods: [pod(0)], contacts: contacts(report(0, { phase: 'AwaitingDisk', message: 'None.' })) };
    expect(decided(emulator(), waiting).events).toMatchObject([
      { type: 'Warning', reason: 'AwaitingDisk', note: expect.stringContaining('loco-agent import < win98.qcow2') },
    ]);
  });
});

describe('objects', () => {
  test('of an Unmanaged Emulator the status goes on, and nothing else is written', () => {
    const unmanaged = { managementPolicy: 'Unmanaged', ...larger };
    const before = decided(emulator(unmanaged), { ...running, claims: [claim(0)] });
    expect(condition(before, 'Ready')).toMatchObject({ status: 'True' });
    const died = decided(stored(unmanaged, before.status), { statefulSet, pods: [pod(0, { running: false })] });
    expect(condition(died, 'Ready')).toMatchObject({ status: 'False' });
    for (const decision of [before, died, decided(emulator({ ...unmanaged, ...snapshot }))]) {
      expect(decision).toMatchObject({
        objects: undefined,
        claimPatches: [],
        claimDeletions: [],
        claimGrowths: [],
        statefulSetReplacement: undefined,
        nudges: [],
        resolve: undefined,
        againAfterMs: undefined,
      });
    }
  });

  test.each<[MachineContact['state'], string]>([
    ['Connecting', 'False'],
    ['Lost', 'True'],
  ])(
    'of a machine that has said nothing yet (%s) kubelet’s word counts when it can not be heard: %s',
    (state, status) => {
      const silent = new Map([['pod-0', { report: undefined, state, since: NOW }]]);
      const decision = decided(emulator(), {
        statefulSet,
        claims: [claim(0)],
        pods: [pod(0, { ready: true })],
        contacts: silent,
      });
      expect(condition(decision, 'Ready')).toMatchObject({ status });
    },
  );

  test('claims that a StatefulSet makes are the Emulator’s from the start, where its template could say so', () => {
    const uid = (seen: Partial<Observed>) =>
      decided(emulator(), seen).objects?.statefulSet?.spec?.volumeClaimTemplates?.[0]?.metadata?.annotations?.[
        'loco.mroie.github.io/emulator-uid'
      ];
    expect(uid({})).toBe('emulator-uid');
    expect(uid({ statefulSet })).toBe('emulator-uid');
    // A template can't be changed: that of an earlier release has none, that of a namesake before has another.
    expect(uid({ statefulSet: { ...statefulSet, templateUid: undefined } })).toBeUndefined();
    expect(uid({ statefulSet: { ...statefulSet, templateUid: 'other-uid' } })).toBe('other-uid');
    expect(decided(emulator(), { statefulSet, claims: [claim(0)] }).claimPatches).toEqual([]);
  });

  test('Secrets are made before the StatefulSet, and again once for a pod that does not come up', () => {
    const made = (seen: Partial<Observed>) => decided(emulator(), seen).objects?.secrets.create;
    expect(made({})).toBe(true);
    expect(made({ statefulSet })).toBe(false);
    expect(made({ secretsMade: true })).toBe(false);
    expect(made(running)).toBe(false);
    const slow = { statefulSet, pods: [pod(0, { running: false, mounted: false })] };
    expect(made(slow)).toBe(true);
    expect(made({ ...slow, secretsFor: new Set(['pod-0']) })).toBe(false);
    expect(made({ ...slow, secretsFor: new Set(['pod-of-before']) })).toBe(true);
    for (const more of [{ deleting: true }, { mounted: true }, { scheduledAt: undefined }]) {
      expect(made({ statefulSet, pods: [pod(0, { running: false, mounted: false, ...more })] })).toBe(false);
    }
  });

  test('a budget for drains is made where it holds something back, and kept up to date where there is one', () => {
    const budget = (spec: object, hasBudget = false) =>
      decided(emulator(spec), { hasBudget }).objects?.podDisruptionBudget?.spec?.maxUnavailable;
    expect(budget({ replicas: 2 })).toBe(1);
    expect(budget({ replicas: 1 })).toBeUndefined();
    expect(budget({ replicas: 1 }, true)).toBe(1);
  });

  test('a pod that just got its node has its time before Secrets are looked for', () => {
    const seen = { statefulSet, pods: [pod(0, { running: false, mounted: false, scheduledAt: NOW })] };
    const decision = decided(emulator(), seen, new Date(NOW.getTime() + 1_000));
    expect(decision).toMatchObject({ againAfterMs: 119_000, objects: { secrets: { create: false, pods: [] } } });
  });

  test('a larger size asks the claims for it and replaces the StatefulSet, which is not applied meanwhile', () => {
    const decision = decided(emulator(larger), running);
    expect(decision.claimGrowths).toMatchObject([{ uid: 'claim-0', bytes: 8 * 2 ** 30 }]);
    expect(decision.statefulSetReplacement).toBe('stateful-set-uid');
    expect(decision.objects?.statefulSet).toBeUndefined();
    const leaving = decided(emulator(larger), { ...running, statefulSet: { ...statefulSet, leaving: true } });
    expect(leaving).toMatchObject({ statefulSetReplacement: undefined, objects: { statefulSet: undefined } });
    const gone = decided(emulator(larger), { ...running, statefulSet: undefined }).objects?.statefulSet;
    expect(gone?.spec?.volumeClaimTemplates?.[0]?.spec?.resources?.requests).toEqual({ storage: '8Gi' });
    expect(gone?.metadata?.annotations?.['loco.mroie.github.io/scale-mark']).toBe('1');
  });

  test('a scale-down that has claims left to delete comes first', () => {
    const storage = { ...larger.storage, retention: { whenScaled: 'Delete' } };
    const scaled = { ...running, claims: [claim(0), claim(1)], statefulSet: { ...statefulSet, scaleMark: 2 } };
    const decision = decided(emulator({ storage }), scaled);
    expect(decision).toMatchObject({ claimDeletions: [{ uid: 'claim-1' }], statefulSetReplacement: undefined });
    const kept = decision.objects?.statefulSet?.spec?.volumeClaimTemplates?.[0]?.spec?.resources?.requests;
    expect(kept).toEqual({ storage: '4Gi' });
  });

  test('a claim that is written on for another reason grows in the next pass', () => {
    const decision = decided(emulator(larger), { ...running, claims: [claim(0)] });
    expect(decision.claimPatches).toHaveLength(1);
    expect(decision.claimGrowths).toEqual([]);
  });

  test('the plan keeps its time while it stays what it is', () => {
    const text = decided(emulator()).objects?.plan.data?.['plan.json'] ?? '';
    const changedAt = new Date('2026-11-20T00:00:00.000Z');
    const annotations = decided(emulator(), { plan: { text, changedAt } }).objects?.plan.metadata?.annotations;
    expect(annotations?.['loco.mroie.github.io/plan-changed-at']).toBe('2026-11-20T00:00:00.000Z');
  });

  test('claims of machines that are wanted and belong to nobody are adopted, others are not', () => {
    const claims = [claim(0, { emulator: undefined }), claim(1, { emulator: undefined })];
    const { claimPatches } = decided(emulator({ replicas: 1 }), { claims, statefulSet });
    expect(claimPatches.map(({ metadata }) => metadata.name)).toEqual(['win98-disk-classroom-0']);
  });
});
