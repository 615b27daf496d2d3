import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type AuditEntry, readAudit } from '../../chaos/operator/audit.ts';
import { staleWrites, type Term, termsOf } from '../../chaos/operator/leadership.ts';
import { openSimulatedCluster, type SimulatedCluster } from '../../scripts/cluster/simulated/index.ts';
import { waitFor } from '../../scripts/cluster/wait.ts';
import { type CandidateLine, leaseCandidateFile } from './lease-candidate.ts';

/** A process of its own that wants to lead, and what it has said so far. */
interface Candidate {
  readonly identity: string;
  readonly process: ChildProcess;
  readonly said: CandidateLine[];
  says(what: CandidateLine['says'], times?: number): Promise<void>;
  signal(name: NodeJS.Signals): void;
}

const open: { cluster?: SimulatedCluster; readonly candidates: Candidate[] } = { candidates: [] };

beforeAll(async () => {
  open.cluster = await openSimulatedCluster('loco-kube-lease', { parts: 'api' });
});

afterAll(async () => {
  for (const { process } of open.candidates) process.kill('SIGKILL');
  await open.cluster?.down();
});

function cluster(): SimulatedCluster {
  if (open.cluster === undefined) throw new Error('the cluster did not come up');
  return open.cluster;
}

async function startCandidate(identity: string): Promise<Candidate> {
  const child = spawn(process.execPath, [leaseCandidateFile, cluster().kubeconfig, identity], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const said: CandidateLine[] = [];
  createInterface({ input: child.stdout }).on('line', (line) => said.push(JSON.parse(line) as CandidateLine));
  const says = async (what: CandidateLine['says'], times = 1): Promise<void> => {
    const heard = async () => (said.filter((line) => line.says === what).length >= times ? true : undefined);
    await waitFor(`${identity} to say ${what}`, heard, { seconds: 40, why: () => JSON.stringify(said.slice(-5)) });
  };
  const candidate = { identity, process: child, said, says, signal: (name: NodeJS.Signals) => child.kill(name) };
  open.candidates.push(candidate);
  await says('Waits');
  return candidate;
}

const everything = { fromMs: 0, toMs: Number.POSITIVE_INFINITY };

function requests(): Promise<AuditEntry[]> {
  return readAudit(cluster().auditLog, everything, ({ identity }) => identity !== undefined);
}

const succeeded = ({ code }: AuditEntry): boolean => code >= 200 && code < 300;

/** Writes that took effect, of one candidate. */
async function writesOf(identity: string): Promise<AuditEntry[]> {
  return (await requests()).filter(
    (entry) => entry.identity === identity && entry.resource === 'configmaps' && succeeded(entry),
  );
}

/** When a candidate became the leader, by the API server's clock. */
async function termOf(identity: string): Promise<Term> {
  const term = termsOf(await requests()).findLast((each) => each.identity === identity);
  if (term === undefined) throw new Error(`${identity} never had the lease`);
  return term;
}

/** So many more writes of this candidate than there are now. */
async function moreWrites(candidate: Candidate | undefined, count: number): Promise<void> {
  const wrote = candidate?.said.filter(({ says }) => says === 'Wrote').length ?? 0;
  await candidate?.says('Wrote', wrote + count);
}

test('a leader that is stopped beyond its lease and goes on writes nothing any more that takes effect', async () => {
  const first = await startCandidate('first');
  await first.says('Leads');
  const second = await startCandidate('second');
  await moreWrites(first, 50);
  first.signal('SIGSTOP');
  await second.says('Leads');
  await moreWrites(second, 50);
  first.signal('SIGCONT');
  await first.says('Lost');
  await first.says('Refused', 20);
  await moreWrites(second, 50);
  const { fromMs } = await termOf('second');
  expect((await writesOf('first')).filter(({ answeredAt }) => answeredAt >= fromMs)).toEqual([]);
  expect(staleWrites(await requests())).toEqual([]);
});

test('a leader that is killed is followed within 15 s', async () => {
  const [first, second] = open.candidates;
  const before = (await writesOf('first')).length;
  const killedAt = Date.now();
  second?.signal('SIGKILL');
  await first?.says('Leads', 2);
  await moreWrites(first, 1);
  expect((await termOf('first')).fromMs - killedAt).toBeLessThanOrEqual(15_000);
  expect((await writesOf('first'))[before]?.answeredAt).toBeLessThanOrEqual(killedAt + 15_000);
  expect(staleWrites(await requests())).toEqual([]);
});

test('a leader that is stopped cleanly is followed within 2 s', async () => {
  const [first] = open.candidates;
  const third = await startCandidate('third');
  await moreWrites(first, 10);
  first?.signal('SIGTERM');
  await third.says('Leads');
  await moreWrites(third, 1);
  const last = (await requests()).findLast(({ identity, resource }) => identity === 'first' && resource === 'leases');
  expect((await termOf('third')).fromMs - (last?.answeredAt ?? 0)).toBeLessThanOrEqual(2_000);
  expect(first?.process.exitCode ?? (await once(first?.process as ChildProcess, 'exit'))[0]).toBe(0);
  expect(staleWrites(await requests())).toEqual([]);
});

test('while the API server is away nobody ends, and with its return the same one leads and writes within 5 s', async () => {
  const third = open.candidates.find(({ identity }) => identity === 'third');
  const fourth = await startCandidate('fourth');
  await moreWrites(third, 10);
  const terms = termsOf(await requests()).length;
  const apiServer = cluster().component('kube-apiserver');
  await apiServer.kill();
  await third?.says('Interrupted');
  await apiServer.start();
  const backAt = Date.now();
  await moreWrites(third, 1);
  const firstWrite = (await writesOf('third')).find(({ answeredAt }) => answeredAt >= backAt);
  expect((firstWrite?.answeredAt ?? Number.POSITIVE_INFINITY) - backAt).toBeLessThanOrEqual(5_000);
  await third?.says('Resumed');
  expect([third?.process.exitCode, fourth.process.exitCode]).toEqual([null, null]);
  expect(termsOf(await requests())).toHaveLength(terms);
});
