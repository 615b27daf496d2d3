import { expect, test } from 'vitest';
import { type EmulatorStatus, emulatorStatusSchema } from '../../api/emulator/schema.ts';
import type { AgentReport } from '../../contract/agent-report.ts';
import { decide } from './decide.ts';
import { claim, contacts, disk, emulator, INSTALLATION, NOW, observed, pod, report } from './observed.fixture.ts';
import type { Observed } from './observed.ts';
import {
  NO_STATUS_YET,
  type StatusHistory,
  type StatusPace,
  soonerPace,
  statusDueAt,
  withNews,
} from './status-pace.ts';

const SECOND = 1_000;
const OTHER_ID = '11111111-2222-4333-8444-555555555555';
const statefulSet = {
  uid: 'stateful-set-uid',
  leaving: false,
  scaleMark: 1,
  templateSize: '4Gi',
  templateUid: 'emulator-uid',
  templateBytes: 4 * 2 ** 30,
  updateRevision: 'classroom-1',
};

type Seen = Partial<Observed>;
type Said = Partial<AgentReport>;

const starting: Seen = { statefulSet, claims: [claim(0)], pods: [pod(0, { running: false })] };
const saying = (said: Said, more: Seen = {}): Seen => ({
  statefulSet,
  claims: [claim(0)],
  pods: [pod(0)],
  contacts: contacts(report(0, { ready: false, ...said })),
  ...more,
});
const preparing = (percent: number): Said => ({
  phase: 'Preparing',
  message: 'The disk is being prepared.',
  progress: { step: 'Copying', doneBytes: percent, percent },
});
const prepared: Said = { phase: 'DiskReady', message: 'The disk is ready.', disk: disk(0) };
const booting: Said = { phase: 'Running', reason: 'Booting', message: 'The guest boots.', disk: disk(0) };
const attempts = [{ source: 'Builtin' as const, reason: 'NotFound', message: 'there is none' }];
const awaitingVolume: Seen = {
  statefulSet,
  claims: [claim(0, { bound: false })],
  pods: [
    pod(0, {
      running: false,
      scheduledAt: undefined,
      obstacle: { reason: 'Unschedulable', message: 'unbound immediate PersistentVolumeClaims' },
    }),
  ],
};
const running: Seen = saying({ ready: true, disk: disk(0) }, { pods: [pod(0, { ready: true })] });

/** What is decided when `seen` comes after `stored`. */
function after(stored: EmulatorStatus | undefined, seen: Seen, now = NOW) {
  const status = stored === undefined ? {} : { status: emulatorStatusSchema.parse(structuredClone(stored)) };
  return decide(observed(emulator({}, status), seen), INSTALLATION, now);
}

function pace(before: Seen, next: Seen): StatusPace {
  return after(after(undefined, before).status, next).statusPace;
}

test.each<[string, Seen, Seen]>([
  ['the pod is there', { statefulSet }, starting],
  ['its agent answers', starting, saying(preparing(0))],
  ['it is further than before', saying(preparing(10)), saying(preparing(90))],
  ['QEMU is being started', saying(prepared), saying({ ...booting, phase: 'Starting', reason: undefined })],
  ['the guest boots', saying(prepared), saying(booting)],
  ['the pod waits for its volume', starting, awaitingVolume],
  ['the pod has its volume', awaitingVolume, saying(preparing(0))],
])('a step of a machine that comes up waits for the next word on it: %s', (_, before, next) => {
  expect(pace(before, next)).toBe('Step');
});

test.each<[string, Seen, Seen]>([
  [
    'an image that can not be pulled',
    starting,
    { ...starting, pods: [pod(0, { running: false, obstacle: { reason: 'ErrImagePull', message: 'no such image' } })] },
  ],
  [
    'other words for what stands in the way',
    { ...starting, pods: [pod(0, { running: false, obstacle: { reason: 'Unschedulable', message: '0/1 nodes' } })] },
    { ...starting, pods: [pod(0, { running: false, obstacle: { reason: 'Unschedulable', message: '0/2 nodes' } })] },
  ],
  [
    'an agent that fell silent',
    saying(booting),
    {
      ...saying(booting),
      contacts: new Map([['pod-0', { report: report(0, { ready: false, ...booting }), state: 'Lost', since: NOW }]]),
    },
  ],
  [
    'a screen that stays in text mode',
    saying(booting),
    saying({ ...booting, reason: 'TextMode', message: 'ScanDisk?' }),
  ],
  ['a container that ended and runs again', saying(booting), saying(booting, { pods: [pod(0, { restarts: 1 })] })],
  ['a write that was refused', starting, { ...starting, failure: 'forbidden' }],
  ['a machine that is not ready any more', running, { ...running, pods: [pod(0, { ready: false })] }],
  ['a guest that shuts down', saying(booting), saying({ ...booting, phase: 'Stopping', reason: undefined })],
  ['a pod that is gone', starting, { ...starting, pods: [] }],
])('what is no step is told as soon as ever: %s', (_, before, next) => {
  expect(pace(before, next)).not.toBe('Step');
});

test.each<[string, Seen, Seen]>([
  ['a machine that is ready', saying(booting), running],
  ['a machine that is ready with a disk of which nothing was told', saying(preparing(90)), running],
  ['a disk that was found in the second source', saying(preparing(90)), saying({ ...prepared, attempts })],
  ['a disk of a machine that goes', saying(preparing(90)), saying(prepared, { pods: [pod(0, { deleting: true })] })],
  ['a disk in the place of another', running, saying({ ...prepared, disk: { ...disk(0), id: OTHER_ID } })],
  [
    'a guest that is paused on a full volume',
    running,
    saying({ phase: 'Paused', reason: 'VolumeFull', disk: disk(0) }),
  ],
])('what is an event is told at once: %s', (_, before, next) => {
  expect(pace(before, next)).toBe('Now');
});

test('a disk that was made is told with what its machine is a little later, unless something goes wrong meanwhile', () => {
  expect(pace(saying(preparing(90)), saying(prepared))).toBe('Disk');
  expect(after(undefined, saying(prepared)).statusPace).toBe('Disk');
  const obstacle = { reason: 'ErrImagePull', message: 'no such image' };
  const second = pod(1, { running: false, obstacle });
  expect(pace(saying(preparing(90)), saying(prepared, { pods: [pod(0), second] }))).toBe('Soon');
});

test('an Emulator’s first status is a word on what comes up, unless something goes wrong', () => {
  expect(after(undefined, {}).statusPace).toBe('First');
  expect(after(undefined, starting).statusPace).toBe('First');
  const obstacle = { reason: 'ErrImagePull', message: 'no such image' };
  expect(after(undefined, { ...starting, pods: [pod(0, { running: false, obstacle })] }).statusPace).toBe('Soon');
  expect(after(undefined, running).statusPace).toBe('Now');
});

test.each<[string, object, Seen]>([
  ['machines that are to be stopped', { powerState: 'Stopped' }, {}],
  ['no machine at all', { replicas: 0 }, {}],
  ['a write that is refused', {}, { failure: 'exceeded quota' }],
])('the first status of what doesn’t come up is told after a moment: %s', (_, spec, seen) => {
  expect(decide(observed(emulator(spec, {}), seen), INSTALLATION, NOW).statusPace).not.toBe('First');
});

test('of two paces the one that waits less is the sooner', () => {
  const paces: StatusPace[] = ['Now', 'Soon', 'Disk', 'First', 'Step'];
  const least = paces.map((one) => paces.map((other) => soonerPace(one, other)));
  expect(least).toEqual(paces.map((_, i) => paces.map((_, j) => paces[Math.min(i, j)])));
});

test.each<[string, [StatusPace, number][], number]>([
  [
    'what goes on waiting is as old as it was',
    [
      ['Soon', 0],
      ['Soon', 0.5],
    ],
    1,
  ],
  [
    'a disk has its time from when it is heard of',
    [
      ['First', 0],
      ['Disk', 0.5],
      ['Disk', 1],
    ],
    2.5,
  ],
  [
    'it doesn’t make trouble wait',
    [
      ['Soon', 0],
      ['Disk', 0.5],
    ],
    1,
  ],
  [
    'trouble doesn’t make it wait',
    [
      ['Disk', 0],
      ['Soon', 1.5],
    ],
    2,
  ],
  [
    'it doesn’t wait longer when it wasn’t heard of for a while',
    [
      ['Disk', 0],
      ['Step', 1],
      ['Disk', 1.5],
    ],
    2,
  ],
  [
    'trouble has a moment, however long an Emulator has been coming up',
    [
      ['First', 0],
      ['Soon', 0.5],
    ],
    1.5,
  ],
  [
    'what is right again is forgotten',
    [
      ['First', 0],
      ['Soon', 0.2],
      ['First', 0.4],
      ['Soon', 0.6],
    ],
    1.6,
  ],
  [
    'an Emulator doesn’t come up longer for trouble that passes',
    [
      ['First', 0],
      ['Soon', 0.5],
      ['First', 0.8],
    ],
    1,
  ],
  [
    'what comes after a status is new',
    [
      ['Disk', 0],
      ['Now', 1],
      ['Disk', 1.5],
    ],
    3.5,
  ],
])('when there is something to tell: %s', (_, found, due) => {
  const history = found.reduce((before, [pace, at]) => withNews(before, pace, at * SECOND), NO_STATUS_YET);
  const [pace, at] = found.at(-1) ?? ['Now', 0];
  expect(statusDueAt(pace, history, at * SECOND, 1) / SECOND).toBe(due);
  expect(withNews(history, undefined, 99).since).toEqual({});
});

test('the first status of an Emulator that finds a disk is told at once: events of the next disk are told by it', () => {
  expect(after(undefined, { claims: [claim(0, { disk: disk(0) })] }).statusPace).toBe('Now');
});

test('a machine that is Ready by the time of its second visit has one status', () => {
  expect(
    stored([
      [0, {}],
      [1, running],
    ]),
  ).toEqual([1]);
});

test('a machine that is Ready two seconds after its disk was made has one status for both', () => {
  const life = (readyAt: number): [number, Seen][] => [
    [0, {}],
    [1, saying(prepared)],
    [readyAt, running],
  ];
  expect(stored(life(3))).toEqual([3]);
  expect(stored(life(4))).toEqual([3, 4]);
});

test('a normal start is three statuses, and one more for each ten seconds that it takes', () => {
  const life: [number, Seen][] = [
    [0, {}],
    [1, starting],
    [2, saying(preparing(0))],
    [3, saying(preparing(50))],
    [4, saying(prepared)],
    [5, saying({ ...booting, phase: 'Starting', reason: undefined })],
    [6, saying(booting)],
    [12, running],
  ];
  expect(stored(life)).toEqual([1, 6, 12]);
  const slow = life.map(([at, seen]): [number, Seen] => [at < 4 ? at : at + 11, seen]);
  expect(stored(slow)).toEqual([1, 11, 17, 23]);
});

test('steps of many that come up at once wait longer, and at most five minutes; first statuses at most ten seconds', () => {
  const due = (pace: StatusPace, many: number) => {
    const history = withNews({ storedAt: 0, since: {} }, pace, 5 * SECOND);
    return statusDueAt(pace, history, 5 * SECOND, many) / SECOND;
  };
  expect([1, 10, 11, 299, 500].map((many) => due('Step', many))).toEqual([10, 10, 11, 299, 300]);
  expect([1, 3, 4, 10, 33, 34, 500].map((many) => due('First', many))).toEqual([6, 6, 6.2, 8, 14.9, 15, 15]);
  expect([1, 500].map((many) => due('Disk', many))).toEqual([7, 7]);
  expect([1, 500].map((many) => due('Soon', many))).toEqual([6, 6]);
  expect([1, 500].map((many) => due('Now', many))).toEqual([5, 5]);
});

test('what goes wrong is told when it has been so for a second, and what is right again by then is not', () => {
  const stuck: Seen = {
    ...starting,
    pods: [pod(0, { running: false, obstacle: { reason: 'Unschedulable', message: 'no node' } })],
  };
  expect(
    stored([
      [0, {}],
      [1, starting],
      [5, stuck],
      [8, stuck],
    ]),
  ).toEqual([1, 6]);
  expect(
    stored([
      [0, {}],
      [1, starting],
      [5, stuck],
      [6, starting],
      [8, starting],
    ]),
  ).toEqual([1]);
});

/** Seconds at which a status is stored of what is seen from each time on; each second has a pass, as a queue's. */
function stored(life: readonly (readonly [number, Seen])[]): number[] {
  const written: number[] = [];
  let status: EmulatorStatus | undefined;
  let history: StatusHistory = NO_STATUS_YET;
  const end = Math.max(...life.map(([at]) => at));
  for (let at = 0; at <= end; at += 1) {
    const seen = life.findLast(([from]) => from <= at)?.[1] ?? {};
    const next = after(status, seen, new Date(NOW.getTime() + at * SECOND));
    if (JSON.stringify(next.status) === JSON.stringify(status)) continue;
    history = withNews(history, next.statusPace, at * SECOND);
    const due = statusDueAt(next.statusPace, history, at * SECOND, 1) <= at * SECOND;
    if (!due) continue;
    history = { storedAt: at * SECOND, since: {} };
    written.push(at);
    status = next.status;
  }
  return written;
}

test('nothing that somebody waits for hides in a step', () => {
  const lost: Seen = {
    ...saying(booting),
    contacts: new Map([['pod-0', { report: report(0, { ready: false, ...booting }), state: 'Lost', since: NOW }]]),
  };
  const full: Said = { phase: 'Paused', reason: 'VolumeFull', disk: disk(0) };
  const no: Said = { phase: 'DiskFailed', reason: 'NoDiskSource', message: 'none has one' };
  const world = [starting, awaitingVolume, running, lost, saying(full), saying(no), { statefulSet }];
  const all = [...world, ...[preparing(1), preparing(2), prepared, booting].map((said) => saying(said))];
  const telling = (status: EmulatorStatus) => ({
    conditions: status.conditions
      ?.filter(({ type }) => ['Ready', 'Stalled', 'DisksReady'].includes(type))
      .map(({ type, status: holds }) => [type, holds]),
    machines: status.machines?.map(({ ready, disk: { id, lastStop } = {} }) => [ready, id, lastStop]),
    writable: status.conditions?.some(({ type, status: holds }) => type === 'DisksWritable' && holds === 'False'),
  });
  for (const before of all) {
    const stored = after(undefined, before).status;
    for (const next of all) {
      const decided = after(stored, next);
      if (decided.statusPace === 'Step') expect(telling(decided.status)).toEqual(telling(stored));
    }
  }
});
