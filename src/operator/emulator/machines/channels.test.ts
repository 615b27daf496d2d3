import { expect, test } from 'vitest';
import { FakeClock } from '../../../kube/fake-clock.ts';
import { decide } from '../decide.ts';
import { claim, contacts, disk, emulator, INSTALLATION, NOW, observed, pod, report } from '../observed.fixture.ts';
import type { FollowOptions } from './agent-stream.ts';
import { MachineChannels } from './channels.ts';

const POD = {
  namespace: 'school',
  emulator: 'classroom',
  emulatorUid: 'emulator-uid',
  pod: 'classroom-0',
  uid: 'pod-0',
  ip: '10.0.0.1',
  running: true,
};
const KEY = 'school/classroom';

/** An operator whose machines don't answer. */
function setUp(follow: (signal: AbortSignal) => Promise<void> = () => new Promise(() => undefined)) {
  const clock = new FakeClock();
  const changed: string[] = [];
  const context = {
    follow: (_address: unknown, _token: string, { signal }: FollowOptions) => follow(signal),
    readToken: async () => 'token',
    now: () => clock.now(),
    monotonic: () => clock.monotonic(),
    after: clock.after.bind(clock),
    random: () => 0,
    onFailure: () => undefined,
  };
  return { clock, changed, channels: new MachineChannels(context, (key) => changed.push(key)) };
}

test('after a restart machines and events are as before, until an agent counts as lost, and however long the operator waited for the Lease', async () => {
  const spec = { storage: { mode: 'Ephemeral' } };
  const seen = { pods: [pod(0, { ready: true })], claims: [claim(0)] };
  const said = contacts(report(0, { disk: disk(0) }));
  const before = decide(observed(emulator(spec), { ...seen, contacts: said }), INSTALLATION, NOW).status;

  const { clock, changed, channels } = setUp();
  await clock.advance(60_000);
  channels.sync(KEY, [POD]);
  const passNow = () => {
    const after = { ...seen, contacts: channels.contacts(KEY) };
    return decide(observed(emulator(spec, { status: before }), after), INSTALLATION, NOW);
  };
  for (const ms of [0, 8_000, 21_000]) {
    await clock.advance(ms);
    expect(passNow()).toMatchObject({ status: before, events: [] });
  }
  expect(changed).toEqual([]);

  await clock.advance(1_000);
  expect(changed).toEqual([KEY]);
  expect(channels.contacts(KEY).get('pod-0')?.state).toBe('Lost');
  expect(passNow().status.machines?.[0]?.message).toBe('The agent in the pod does not answer');
});

test('of what a machine that comes later was before nothing is taken over', async () => {
  const { channels } = setUp();
  channels.sync(KEY, [POD]);
  channels.sync(KEY, [{ ...POD, uid: 'its-successor' }]);
  expect(channels.contacts(KEY).get('its-successor')?.state).toBe('Connecting');
  channels.sync('school/later', []);
  channels.sync('school/later', [POD]);
  expect(channels.contacts('school/later').get('pod-0')?.state).toBe('Connecting');
});

test('channels that were all closed are open again at the next look, and machines settle as after a restart', async () => {
  const abandoned: AbortSignal[] = [];
  const { clock, changed, channels } = setUp(async (signal) => {
    abandoned.push(signal);
    await new Promise((resolve) => signal.addEventListener('abort', resolve));
  });
  channels.sync(KEY, []);
  channels.sync(KEY, [POD]);
  await clock.advance(0);
  await channels.close();
  expect(abandoned.map(({ aborted }) => aborted)).toEqual([true]);
  expect(channels.contacts(KEY).size).toBe(0);
  await clock.advance(60_000);
  expect(changed).toEqual([]);
  channels.sync(KEY, [POD]);
  expect(channels.contacts(KEY).get('pod-0')?.state).toBe('Settling');
});
