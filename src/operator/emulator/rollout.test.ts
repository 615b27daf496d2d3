import { describe, expect, test } from 'vitest';
import type { Condition } from '../../api/emulator/schema.ts';
import { decide } from './decide.ts';
import { claim, contacts, disk, emulator, INSTALLATION, NOW, observed, pod, report } from './observed.fixture.ts';
import type { Observed, ObservedPod } from './observed.ts';

const [OLD, NEW] = ['classroom-1', 'classroom-2'];
const statefulSet = {
  uid: 'stateful-set-uid',
  leaving: false,
  scaleMark: 3,
  templateSize: '4Gi',
  templateUid: 'emulator-uid',
  templateBytes: 4 * 2 ** 30,
  updateRevision: NEW,
};

/** Three machines; unless told, each runs with the old template and is Ready, and has a disk unless it is `empty`. */
function classroom(
  changes: Record<number, Partial<ObservedPod>> = {},
  said: Record<number, object> = {},
  empty: readonly number[] = [],
) {
  const ordinals = [0, 1, 2];
  const pods = ordinals.map((ordinal) => pod(ordinal, { ready: true, revision: OLD, ...changes[ordinal] }));
  const reports = ordinals.map((ordinal) =>
    report(ordinal, { disk: disk(ordinal), ready: pods[ordinal]?.ready === true, ...said[ordinal] }),
  );
  const claims = ordinals.map((ordinal) =>
    claim(ordinal, { disk: empty.includes(ordinal) ? undefined : disk(ordinal) }),
  );
  return { pods, claims, statefulSet, contacts: contacts(...reports) };
}

function decided(seen: Partial<Observed>, spec: object = {}, now = NOW) {
  return decide(observed(emulator({ replicas: 3, update: 'Rolling', ...spec }), seen), INSTALLATION, now);
}

function condition({ status }: ReturnType<typeof decided>, type: string): Partial<Condition> {
  return status.conditions?.find((candidate) => candidate.type === type) ?? {};
}

const down = { ready: false, revision: NEW };
const obstacle = { reason: 'ErrImagePull', message: 'container emulator: ErrImagePull: not found' };
const importing = { step: 'Importing', doneBytes: 1 } as const;
const full = { phase: 'Paused', reason: 'VolumeFull', ready: false };
const minutes = (count: number): Date => new Date(NOW.getTime() + count * 60_000);

describe('the machine to restart', () => {
  const cases: [sentence: string, seen: Partial<Observed>, spec: object, restart: string | undefined][] = [
    ['is the last one where all are Ready and outdated', classroom(), {}, 'classroom-2'],
    ['is the next one when the last is Ready again', classroom({ 2: { revision: NEW } }), {}, 'classroom-1'],
    ['is none while the last shuts down', classroom({ 2: { deleting: true } }), {}, undefined],
    ['is none while the last comes up', classroom({ 2: down }), {}, undefined],
    ['is none while another is away', { ...classroom(), pods: classroom().pods.slice(0, 2) }, {}, undefined],
    [
      'is one that is stuck with an outdated pod, before any that runs',
      classroom({ 1: { ready: false, obstacle } }),
      {},
      'classroom-1',
    ],
    [
      'is one that has no disk to run from, before any that runs',
      classroom({ 1: { ready: false } }, { 1: { phase: 'DiskFailed' } }),
      {},
      'classroom-1',
    ],
    [
      'is none while one that is stuck and outdated waits for another that is not',
      classroom({ 0: { ready: false, obstacle }, 2: down }),
      {},
      undefined,
    ],
    ['is none whose guest is coming up, outdated or not', classroom({ 1: { ready: false } }), {}, undefined],
    [
      'is none whose guest shows a text screen',
      classroom({ 1: { ready: false } }, { 1: { phase: 'Running', reason: 'TextMode' } }),
      {},
      undefined,
    ],
    [
      'is none whose guest is paused, for however long',
      classroom({ 1: { ready: false, downSince: minutes(-1000) } }, { 1: full }),
      {},
      undefined,
    ],
    [
      'is none into which a disk is being imported, nor is that one waited for',
      classroom({ 1: { ready: false } }, { 1: { phase: 'AwaitingDisk', disk: undefined, progress: importing } }, [1]),
      {},
      'classroom-2',
    ],
    [
      'is none while a disk takes the place of one that is gone',
      classroom({ 1: { ready: false } }, { 1: { phase: 'AwaitingDisk', disk: undefined, progress: importing } }),
      {},
      undefined,
    ],
    [
      'is one that waits for a disk, before any that runs',
      classroom({ 1: { ready: false } }, { 1: { phase: 'AwaitingDisk', disk: undefined } }, [1]),
      {},
      'classroom-1',
    ],
    [
      'does not wait for one that waits for a disk with its new pod',
      classroom({ 1: down }, { 1: { phase: 'AwaitingDisk', disk: undefined } }, [1]),
      {},
      'classroom-2',
    ],
    [
      'is none while one is away whose disk is gone',
      classroom({ 1: down }, { 1: { phase: 'AwaitingDisk', disk: undefined } }),
      {},
      undefined,
    ],
    [
      'does not wait for one that its user switched off after its update',
      classroom({ 2: down }, { 2: { phase: 'PoweredOff', ready: false } }),
      {},
      'classroom-1',
    ],
    [
      'is none where all is as the spec asks',
      { ...classroom(), statefulSet: { ...statefulSet, updateRevision: OLD } },
      {},
      undefined,
    ],
    [
      'is none while it is not known what is newest',
      { ...classroom(), statefulSet: { ...statefulSet, updateRevision: undefined } },
      {},
      undefined,
    ],
    ['is none with OnRestart', classroom(), { update: 'OnRestart' }, undefined],
    ['is none while the machines are stopped', classroom(), { powerState: 'Stopped' }, undefined],
    ['is none of an Unmanaged Emulator', classroom(), { managementPolicy: 'Unmanaged' }, undefined],
    [
      'is none that is not wanted any more',
      classroom({ 0: { revision: NEW }, 1: { revision: NEW } }),
      { replicas: 2 },
      undefined,
    ],
    [
      'is none whose guest switched itself off, nor is that one waited for',
      classroom({ 2: { ready: false } }, { 2: { phase: 'PoweredOff', ready: false } }),
      {},
      'classroom-1',
    ],
  ];
  test.each(cases)('%s', (_, seen, spec, expected) => {
    expect(decided(seen, spec).restart?.name).toBe(expected);
  });

  test('is none either when the status knows of no disk by then: one that is held stays so', () => {
    const lost = classroom({ 1: down }, { 1: { phase: 'AwaitingDisk', disk: undefined } });
    const { status } = decided(lost);
    const later = { ...lost, claims: lost.claims.map((each) => ({ ...each, disk: undefined })) };
    const of = emulator({ replicas: 3, update: 'Rolling' }, { status });
    const again = decide(observed(of, later), INSTALLATION, NOW);
    expect(condition(again, 'RestartRequired').reason).toBe('UpdateHeld');
    expect(again.restart).toBeUndefined();
  });

  test('is deleted as the very pod that was looked at', () => {
    expect(decided(classroom()).restart).toMatchObject({ name: 'classroom-2', uid: 'pod-2' });
  });
});

describe('what is told of it', () => {
  const left = 'still to come: classroom-0, classroom-1';

  test('while it goes on: which machines are still to come, and which one is waited for', () => {
    const seen = decided(classroom({ 2: down }));
    expect(condition(seen, 'RestartRequired')).toMatchObject({ status: 'True', reason: 'Updating' });
    expect(condition(seen, 'RestartRequired').message).toContain(`${left}. Waiting for classroom-2 to be ready.`);
    expect(condition(seen, 'Reconciling').status).toBe('True');
  });

  test('while it is not known yet what the change comes to, it is not called done', () => {
    const unknown = { ...classroom(), statefulSet: { ...statefulSet, updateRevision: undefined } };
    expect(condition(decided(unknown), 'Reconciling')).toMatchObject({ status: 'True', reason: 'Updating' });
    expect(condition(decided(unknown, { update: 'OnRestart' }), 'Reconciling').status).toBe('False');
  });

  test('between two machines it is still at work, although all are Ready', () => {
    expect(condition(decided(classroom({ 2: { revision: NEW } })), 'Reconciling')).toMatchObject({
      status: 'True',
      reason: 'Updating',
    });
  });

  const unschedulable = { reason: 'Unschedulable', message: 'Unschedulable: no node' };
  const ended = { reason: 'Error', message: 'container emulator ended with exit code 1' };
  const failed = { reason: 'Evicted', message: 'Evicted: the node was low on memory' };
  const away = { ...classroom(), pods: classroom().pods.slice(0, 2) };
  const held: [sentence: string, seen: Partial<Observed>, now: Date, reason: string][] = [
    [
      'one whose image is not to be had holds the others at once',
      classroom({ 2: { ...down, obstacle } }),
      NOW,
      'UpdateHeld',
    ],
    ['one that has no node yet does not', classroom({ 2: { ...down, obstacle: unschedulable } }), NOW, 'Updating'],
    ['one whose container ended once does not', classroom({ 2: { ...down, obstacle: ended } }), NOW, 'Updating'],
    ['one whose pod failed and is replaced does not', classroom({ 2: { ...down, obstacle: failed } }), NOW, 'Updating'],
    [
      'one that has no node for long does',
      classroom({ 2: { ...down, obstacle: unschedulable } }),
      minutes(10),
      'UpdateHeld',
    ],
    ['one that has no disk does', classroom({ 2: down }, { 2: { phase: 'DiskFailed' } }), NOW, 'UpdateHeld'],
    ['one that takes its time does not', classroom({ 2: down }), minutes(9), 'Updating'],
    ['one that does not come up does', classroom({ 2: down }), minutes(10), 'UpdateHeld'],
    [
      'one that is made long since and reboots does not',
      classroom({ 2: { ...down, createdAt: minutes(-60) } }),
      NOW,
      'Updating',
    ],
    ['one whose guest is paused for long does', classroom({ 2: down }, { 2: full }), minutes(10), 'UpdateHeld'],
    [
      'one that shuts down in its time does not',
      classroom({ 2: { deleting: true, deletedAt: minutes(2) } }),
      minutes(2),
      'Updating',
    ],
    [
      'one that does not go away does',
      classroom({ 2: { deleting: true, deletedAt: minutes(2) } }),
      minutes(3),
      'UpdateHeld',
    ],
    ['one whose pod is yet to be made does not', away, minutes(9), 'Updating'],
    ['one whose pod can not be made does', away, minutes(10), 'UpdateHeld'],
  ];
  /** The status of an Emulator that hasn't been Ready since `NOW`. */
  const { status: notReady } = decided(classroom({ 2: down }));

  test.each(held)('%s', (_, seen, now, reason) => {
    const of = emulator({ replicas: 3, update: 'Rolling' }, { status: notReady });
    const decision = decide(observed(of, seen), INSTALLATION, now);
    expect(decision.restart).toBeUndefined();
    expect(condition(decision, 'RestartRequired').reason).toBe(reason);
    if (reason === 'Updating') expect(decision.againAfterMs).toBeGreaterThan(0);
  });

  test('who is held, by whom and why, and once as a warning', () => {
    const seen = classroom({ 2: { ...down, obstacle } });
    const first = decided(seen);
    const { message = '' } = condition(first, 'RestartRequired');
    expect(message).toMatch(/^classroom-2 does not come back.*\(classroom-0, classroom-1\).*ErrImagePull: not found/);
    const told = first.events.filter(({ reason }) => reason === 'UpdateHeld');
    expect(told).toMatchObject([{ type: 'Warning', note: message }]);
    const again = decide(
      observed(emulator({ replicas: 3, update: 'Rolling' }, { status: first.status }), seen),
      INSTALLATION,
      NOW,
    );
    expect(again.events.filter(({ reason }) => reason === 'UpdateHeld')).toEqual([]);
  });

  test('with OnRestart, the line that restarts them', () => {
    const { message } = condition(decided(classroom(), { update: 'OnRestart' }), 'RestartRequired');
    expect(message).toContain('kubectl delete pod -n school classroom-0 classroom-1 classroom-2');
  });
});
