import { expect, test } from 'vitest';
import { FakeClock } from '../kube/fake-clock.ts';
import { endWork } from './ending.ts';

/** Everything that has to end, of which some ends at once and some never. */
function setUp(never: readonly string[]) {
  const clock = new FakeClock();
  const told: string[] = [];
  const end = (what: string) => async (): Promise<void> => {
    told.push(what);
    if (never.includes(what)) await new Promise(() => undefined);
  };
  const ending = endWork({
    queue: { drain: end('work') },
    channels: { close: end('channels') },
    resolver: { stop: end('resolver') },
    recorder: { drain: end('events'), stop: () => told.push('stop events') },
    agent: { destroy: () => told.push('destroy requests') },
    election: { release: end('release'), abandon: end('abandon') },
    clock,
    log: { warn: (message: string) => told.push(message) },
  });
  return { clock, told, ending };
}

test('who has ended its work gives the Lease back', async () => {
  const { told, ending } = setUp([]);
  await ending;
  expect(told).toEqual(['work', 'channels', 'resolver', 'release', 'events', 'stop events']);
});

test('work that does not end is cut off after 5 s, and the Lease is left to run out', async () => {
  const { clock, told, ending } = setUp(['work']);
  await clock.advance(4_999);
  expect(told).toEqual(['work']);
  await clock.advance(1);
  await ending;
  expect(told).toContain('destroy requests');
  expect(told).toContain('abandon');
  expect(told).not.toContain('release');
  expect(told.at(-1)).toMatch(/work in hand/);
});

test('nor is the Lease given back while machines or registries are still asked', async () => {
  const { clock, told, ending } = setUp(['resolver']);
  await clock.advance(2_000);
  await ending;
  expect(told).toContain('abandon');
  expect(told).not.toContain('release');
});

test('events that can not be written keep nobody from leading, and have 10 s', async () => {
  const { clock, told, ending } = setUp(['events']);
  await clock.advance(9_999);
  expect(told.slice(-2)).toEqual(['release', 'events']);
  await clock.advance(1);
  await ending;
  expect(told.at(-1)).toMatch(/events/);
});
