import { afterEach, expect, test, vi } from 'vitest';
import { KubeClient } from './client.ts';
import { FakeClock } from './fake-clock.ts';
import { LeaderElection } from './lease.ts';
import type { KubeObject } from './object.ts';
import { sendFailure, sendJson, startScriptedServer } from './scripted-server.ts';

type Lease = KubeObject & { spec: { holderIdentity?: string } };

const open: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const close of open.splice(0)) await close();
});

/** An API server that keeps one lease and checks resourceVersions. */
async function setUp() {
  const state: { lease: Lease | undefined; version: number; broken: boolean; hangs: boolean } = {
    lease: undefined,
    version: 0,
    broken: false,
    hangs: false,
  };
  const server = await startScriptedServer((request, response, body) => {
    if (state.hangs) return undefined;
    if (state.broken) return sendFailure(response, 500, 'InternalError');
    if (request.method === 'GET') {
      return state.lease === undefined ? sendFailure(response, 404, 'NotFound') : sendJson(response, 200, state.lease);
    }
    const sent = JSON.parse(body) as Lease;
    if (request.method === 'POST' && state.lease !== undefined) return sendFailure(response, 409, 'AlreadyExists');
    if (request.method === 'PUT' && sent.metadata.resourceVersion !== state.lease?.metadata.resourceVersion) {
      return sendFailure(response, 409, 'Conflict');
    }
    state.version += 1;
    state.lease = { ...sent, metadata: { ...sent.metadata, resourceVersion: String(state.version) } };
    return sendJson(response, 200, state.lease);
  });
  open.push(server.close);
  const clock = new FakeClock();
  const client = new KubeClient(server.connection);
  const candidate = (identity: string): LeaderElection =>
    new LeaderElection({ client, clock, namespace: 'n', name: 'l', identity, onFailure: () => undefined });
  /** Lets time pass in small steps, with real time for the requests in between. */
  const pass = async (ms: number): Promise<void> => {
    for (let left = ms; left > 0; left -= 500) {
      await clock.advance(Math.min(500, left));
      await new Promise((resolve) => setImmediate(() => setTimeout(resolve, 3)));
    }
  };
  return { state, candidate, pass, clock };
}

test('the first becomes the leader, the second only when the first gives the lease back', async () => {
  const { candidate, pass, state } = await setUp();
  const first = candidate('one');
  const second = candidate('two');
  const acquired = first.acquire();
  await pass(3_000);
  expect(await acquired).toBe(true);
  const waiting = second.acquire();
  void first.hold();
  await pass(60_000);
  expect([first.isLeader, second.isLeader]).toEqual([true, false]);
  await first.release();
  await pass(2_000);
  expect(await waiting).toBe(true);
  expect(state.lease?.spec.holderIdentity).toBe('two');
});

test('a holder that went silent is replaced after the lease has run out on our own clock, not before', async () => {
  const { candidate, pass } = await setUp();
  const first = candidate('one');
  const acquired = first.acquire();
  await pass(3_000);
  await acquired;
  const second = candidate('two');
  const waiting = second.acquire();
  await pass(11_000);
  expect(second.isLeader).toBe(false);
  await pass(4_000);
  expect(await waiting).toBe(true);
});

test('a restarted container of the same pod goes on at once', async () => {
  const { candidate, pass } = await setUp();
  const first = candidate('one');
  const acquired = first.acquire();
  await pass(3_000);
  await acquired;
  const again = candidate('one').acquire();
  await pass(1_000);
  expect(await again).toBe(true);
});

test('a leader that can not renew stops before others may begin', async () => {
  const { candidate, pass, state, clock } = await setUp();
  const leader = candidate('one');
  const acquired = leader.acquire();
  await pass(3_000);
  await acquired;
  const ended = vi.fn();
  const began = clock.now();
  void leader.hold().then((how) => ended(how, clock.now() - began));
  state.broken = true;
  await pass(20_000);
  expect(ended).toHaveBeenCalledOnce();
  expect(ended.mock.calls[0]?.[0]).toBe('Lost');
  expect(ended.mock.calls[0]?.[1]).toBeLessThan(12_000);
});

test('a renewal that hangs ends the leadership as well, in time', async () => {
  const { candidate, pass, state, clock } = await setUp();
  const leader = candidate('one');
  const acquired = leader.acquire();
  await pass(3_000);
  await acquired;
  const ended = vi.fn();
  const began = clock.now();
  void leader.hold().then((how) => ended(how, clock.now() - began));
  state.hangs = true;
  await pass(20_000);
  expect(ended).toHaveBeenCalledExactlyOnceWith('Lost', 8_000);
  expect(leader.isLeader).toBe(false);
});

test('a lease that is given back while it is being renewed is free at once', async () => {
  const { candidate, pass, state, clock } = await setUp();
  const leader = candidate('one');
  const acquired = leader.acquire();
  await pass(3_000);
  await acquired;
  const held = leader.hold();
  await clock.advance(2_000);
  await leader.release();
  expect(await held).toBe('Released');
  expect(state.lease?.spec.holderIdentity).toBe('');
});
