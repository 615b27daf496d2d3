import { describe, expect, test } from 'vitest';
import type { PodObject } from './cluster-object.ts';
import { report } from './observed.fixture.ts';
import type { ObservedPod } from './observed.ts';
import { observePod } from './pod.ts';

function observe(status: PodObject['status']): ObservedPod | undefined {
  const metadata = { name: 'classroom-0', uid: 'u' };
  return observePod({ metadata, ...(status === undefined ? {} : { status }) }, 'classroom');
}

const killed = { exitCode: 137, reason: 'OOMKilled', finishedAt: '2026-11-21T09:00:00Z' };
const outOfMemory =
  'container emulator ended with exit code 137 (OOMKilled) at 2026-11-21T09:00:00Z. It used more memory than its ' +
  'limit allows: raise spec.pod.resources.limits.memory, or leave it out to have it computed';

test.each<[string, PodObject['status'], ObservedPod['obstacle']]>([
  [
    'nothing while it is usual',
    { initContainerStatuses: [{ name: 'init-disk-image', state: { waiting: { reason: 'PodInitializing' } } }] },
    undefined,
  ],
  [
    'the scheduler’s words',
    { conditions: [{ type: 'PodScheduled', status: 'False', reason: 'Unschedulable', message: 'no node' }] },
    { reason: 'Unschedulable', message: 'Unschedulable: no node' },
  ],
  [
    'nothing where the scheduler’s words are older than what runs',
    {
      conditions: [{ type: 'PodScheduled', status: 'False', reason: 'Unschedulable', message: 'no node' }],
      containerStatuses: [{ name: 'emulator', state: { running: {} } }],
    },
    undefined,
  ],
  [
    'an image that can not be pulled',
    {
      initContainerStatuses: [
        { name: 'init-disk-image', state: { waiting: { reason: 'ErrImagePull', message: 'no such image' } } },
      ],
    },
    { reason: 'ErrImagePull', message: 'container init-disk-image: ErrImagePull: no such image' },
  ],
  [
    'a container that was killed for its memory',
    { containerStatuses: [{ name: 'emulator', state: { terminated: killed } }] },
    { reason: 'OOMKilled', message: outOfMemory },
  ],
  [
    'what happened, behind the crash loop that came of it',
    {
      containerStatuses: [
        {
          name: 'emulator',
          state: { waiting: { reason: 'CrashLoopBackOff', message: 'back-off 40s' } },
          lastState: { terminated: killed },
        },
      ],
    },
    {
      reason: 'OOMKilled',
      message: `container emulator: CrashLoopBackOff: back-off 40s. It ${outOfMemory.slice('container emulator '.length)}`,
    },
  ],
  [
    'what evicted it',
    { phase: 'Failed', reason: 'Evicted', message: 'The node was low on resource: memory.' },
    {
      reason: 'Evicted',
      message: 'Evicted: The node was low on resource: memory. (Another pod takes its place.)',
    },
  ],
  [
    'nothing of containers that others inject',
    { containerStatuses: [{ name: 'sidecar', state: { waiting: { reason: 'X' } } }] },
    undefined,
  ],
])('what stands in a pod’s way: %s', (_what, status, obstacle) => {
  expect(observe(status)?.obstacle).toEqual(obstacle);
});

describe('how a container that runs again had ended', () => {
  const again = (terminated: object) =>
    observe({
      containerStatuses: [
        { name: 'emulator', restartCount: 3, state: { running: {} }, lastState: { terminated } },
        { name: 'sidecar', restartCount: 9, state: { running: {} }, lastState: { terminated: killed } },
      ],
    });

  test('is told, with how often', () => {
    expect(again(killed)).toMatchObject({
      obstacle: undefined,
      restarts: 3,
      lastEnd: { reason: 'OOMKilled', message: outOfMemory },
    });
  });

  test('is told with the last words that the agent left', () => {
    const message = JSON.stringify(report(0, { message: 'The volume is gone.' }));
    expect(again({ exitCode: 1, message })?.lastEnd?.message).toBe(
      'container emulator ended with exit code 1 (Error). Its last words: The volume is gone.',
    );
    expect(again({ exitCode: 1, message: 'node: bad option' })?.lastEnd?.message).toContain('node: bad option');
  });

  test('is no trouble when it was by itself', () => {
    expect(again({ exitCode: 0, reason: 'Completed' })?.lastEnd).toBeUndefined();
  });
});

test('since when it is not Ready is kubelet’s word, and before that since it was made', () => {
  const at = '2026-11-21T09:30:00.000Z';
  const ready = (status: string) => ({ conditions: [{ type: 'Ready', status, lastTransitionTime: at }] });
  expect(observe(ready('False'))?.downSince).toEqual(new Date(at));
  expect(observe(ready('True'))?.downSince).toBeUndefined();
  const made = { name: 'classroom-0', uid: 'u', creationTimestamp: '2026-11-21T09:00:00Z' };
  expect(observePod({ metadata: made }, 'classroom')?.downSince).toEqual(new Date('2026-11-21T09:00:00Z'));
});
