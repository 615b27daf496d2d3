import http from 'node:http';
import net, { type AddressInfo } from 'node:net';
import { afterEach, expect, test, vi } from 'vitest';
import type { AgentReport } from '../../../contract/agent-report.ts';
import { report } from '../observed.fixture.ts';
import { followReports } from './agent-stream.ts';
import { MachineChannel } from './channel.ts';

const ADDRESS = {
  namespace: 'school',
  emulator: 'classroom',
  emulatorUid: 'e',
  pod: 'classroom-0',
  uid: 'pod-0',
  ip: '10.0.0.1',
};

/** Whoever has the machine's address now: what it says, and the token that it wants. */
interface Answerer {
  said: AgentReport;
  token: string;
}

const cleanUps: (() => void)[] = [];

afterEach(() => {
  for (const cleanUp of cleanUps.splice(0)) cleanUp();
});

/** A channel to the machine's address, at which somebody answers. */
async function setUp(first: Answerer) {
  let answerer = first;
  const server = http.createServer((request, response) => {
    const knows = request.headers.authorization === `Bearer ${answerer.token}`;
    if (knows) response.writeHead(200).write(`${JSON.stringify(answerer.said)}\n`);
    else response.writeHead(401).end();
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const { port } = server.address() as AddressInfo;
  const failures: string[] = [];
  const tokensRead: boolean[] = [];
  const shown: AgentReport[] = [];
  const channel = new MachineChannel(
    {
      follow: (address, token, options) =>
        followReports(() => net.connect({ host: '127.0.0.1', port }), address, token, options),
      readToken: async (_address, again) => {
        tokensRead.push(again);
        return 'of-classroom';
      },
      now: () => Date.now(),
      monotonic: () => performance.now(),
      after: (ms, action) => {
        const timer = setTimeout(action, ms);
        return () => clearTimeout(timer);
      },
      random: () => 1,
      onFailure: (_address, error) => failures.push(String(error)),
    },
    ADDRESS,
    () => {
      if (channel.contact.report !== undefined) shown.push(channel.contact.report);
    },
  );
  const moveIn = (next: Answerer): void => {
    answerer = next;
    server.closeAllConnections();
  };
  cleanUps.push(() => {
    channel.close();
    server.closeAllConnections();
    server.close();
  });
  return { channel, failures, tokensRead, shown, moveIn };
}

const stranger = report(7, { message: 'Somebody else runs', ready: true });
const machine = report(0, { message: 'The machine runs' });

test.each([
  [
    'another Emulator’s machine, which wants another token',
    { said: stranger, token: 'of-others' },
    /refused the token/,
  ],
  ['another machine of the same Emulator, which takes the token', { said: stranger, token: 'of-classroom' }, /pod-7/],
])('what answers at an address that was used again is not taken for the machine: %s', async (_who, wrong, failure) => {
  const { channel, failures, shown, moveIn } = await setUp(wrong);
  await vi.waitFor(() => expect(failures.length).toBeGreaterThan(1), { timeout: 20_000 });
  expect(failures[0]).toMatch(failure);
  expect(channel.contact).toMatchObject({ state: 'Connecting', report: undefined });
  moveIn({ said: machine, token: 'of-classroom' });
  await vi.waitFor(() => expect(channel.contact.report?.message).toBe('The machine runs'), { timeout: 20_000 });
  // And the other way round: the machine is what it last was, not what has its address now.
  moveIn(wrong);
  const before = failures.length;
  await vi.waitFor(() => expect(failures.slice(before).some((text) => failure.test(text))).toBe(true), {
    timeout: 20_000,
  });
  expect(channel.contact.report?.message).toBe('The machine runs');
  expect(shown.map(({ podUid }) => podUid)).toEqual(['pod-0']);
});

test('a token that is refused is asked for anew each time, in case it was changed', async () => {
  const { tokensRead } = await setUp({ said: machine, token: 'of-others' });
  await vi.waitFor(() => expect(tokensRead.slice(0, 3)).toEqual([false, true, true]), { timeout: 20_000 });
});
