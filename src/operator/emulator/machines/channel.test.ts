import { expect, test } from 'vitest';
import type { AgentReport } from '../../../contract/agent-report.ts';
import { FakeClock } from '../../../kube/fake-clock.ts';
import { report } from '../observed.fixture.ts';
import { type FollowOptions, TokenRefused } from './agent-stream.ts';
import { MachineChannel } from './channel.ts';

const ADDRESS = {
  namespace: 'school',
  emulator: 'classroom',
  emulatorUid: 'e',
  pod: 'classroom-0',
  uid: 'pod-0',
  ip: '10.0.0.1',
};

/** A stream that a test feeds, cuts and counts. */
function setUp(clock = new FakeClock()) {
  const shown: (AgentReport | undefined)[] = [];
  const tokens: boolean[] = [];
  let push: (said: AgentReport | Error | undefined) => void = () => undefined;
  let opened = 0;
  const follow = (_address: unknown, _token: string, { onReport }: FollowOptions): Promise<void> => {
    opened += 1;
    return new Promise((resolve, reject) => {
      push = (said) => {
        if (said === undefined) resolve();
        else if (said instanceof Error) reject(said);
        else onReport(said);
      };
    });
  };
  const channel = new MachineChannel(
    {
      follow,
      readToken: async (_address, again) => {
        tokens.push(again);
        return 'token';
      },
      now: () => clock.now(),
      monotonic: () => clock.monotonic(),
      after: (ms, action) => clock.after(ms, action),
      random: () => 0,
      onFailure: () => undefined,
    },
    ADDRESS,
    () => shown.push(channel.contact.report),
  );
  const say = async (said: AgentReport | Error | undefined): Promise<void> => {
    push(said);
    await clock.advance(0);
  };
  return { clock, channel, shown, tokens, say, opened: () => opened };
}

const copying = (doneBytes: number): AgentReport =>
  report(0, {
    phase: 'Preparing',
    ready: false,
    message: `${doneBytes} bytes`,
    progress: { step: 'Copying', doneBytes },
  });

test('a new phase is shown at once, progress every ten seconds', async () => {
  const { clock, shown, say } = setUp();
  await clock.advance(0);
  await say(copying(0));
  for (let second = 1; second <= 25; second += 1) {
    await clock.advance(1_000);
    await say(copying(second));
  }
  expect(shown.map((said) => said?.progress?.doneBytes)).toEqual([0, 9, 19]);
  await say(report(0, { phase: 'DiskReady' }));
  expect(shown.at(-1)?.phase).toBe('DiskReady');
});

test('the same report again, as a sign of life, is no change', async () => {
  const { clock, shown, say } = setUp();
  await clock.advance(0);
  for (let times = 0; times < 4; times += 1) {
    await say(report(0));
    await clock.advance(15_000);
  }
  expect(shown).toHaveLength(1);
});

test('a stream that ends is opened again, and the machine stays what it was', async () => {
  const { clock, channel, shown, say, opened } = setUp();
  await clock.advance(0);
  await say(report(0));
  await say(undefined);
  await clock.advance(1_000);
  expect(opened()).toBe(2);
  expect(channel.contact).toMatchObject({ state: 'Connected', report: { phase: 'Running' } });
  expect(shown).toHaveLength(1);
});

test('after thirty seconds of silence the machine is lost, and found again by its next word', async () => {
  const { clock, channel, shown, say } = setUp();
  await clock.advance(0);
  await say(report(0));
  await say(new Error('reset'));
  await clock.advance(30_000);
  expect(channel.contact).toMatchObject({ state: 'Lost', report: { phase: 'Running' } });
  expect(shown).toHaveLength(2);
  await say(report(0));
  expect(channel.contact.state).toBe('Connected');
  expect(shown).toHaveLength(3);
});

test('a timer that comes a moment early, as Node’s do, says all the same that the machine is lost', async () => {
  class Early extends FakeClock {
    override after(ms: number, action: () => void): () => void {
      return super.after(Math.max(0, ms - 1), action);
    }
  }
  const { clock, channel, shown, say } = setUp(new Early());
  await clock.advance(0);
  await say(report(0));
  await say(new Error('reset'));
  await clock.advance(29_998);
  expect(channel.contact.state).toBe('Connected');
  await clock.advance(1);
  expect(channel.contact.state).toBe('Lost');
  expect(shown).toHaveLength(2);
});

test('a wall clock that is set back holds back neither the loss of a machine nor its progress', async () => {
  const { clock, channel, shown, say } = setUp();
  await clock.advance(0);
  await say(copying(0));
  clock.setWall(-3_600_000);
  await say(copying(1));
  await clock.advance(10_000);
  expect(shown.map((said) => said?.progress?.doneBytes)).toEqual([0, 1]);
  await say(new Error('reset'));
  clock.setWall(-3_600_000);
  await clock.advance(30_000);
  expect(channel.contact.state).toBe('Lost');
  expect(shown).toHaveLength(3);
});

test('a token that was refused is read again before the next try', async () => {
  const { clock, tokens, say } = setUp();
  await clock.advance(0);
  await say(new TokenRefused('no'));
  await clock.advance(1_000);
  expect(tokens).toEqual([false, true]);
});

test('a closed channel opens nothing any more', async () => {
  const { clock, channel, opened, say } = setUp();
  await clock.advance(0);
  channel.close();
  await say(undefined);
  await clock.advance(60_000);
  await channel.ended;
  expect(opened()).toBe(1);
});
