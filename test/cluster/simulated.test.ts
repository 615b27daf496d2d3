import { readFile } from 'node:fs/promises';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { findNode } from '../../scripts/cluster/local/node.ts';
import { signal } from '../../scripts/cluster/local/processes.ts';
import {
  type ComponentName,
  openSimulatedCluster,
  removeSimulatedCluster,
  type SimulatedCluster,
  simulatedLayout,
} from '../../scripts/cluster/simulated/index.ts';
import { waitFor } from '../../scripts/cluster/wait.ts';
import { type AgentReport, agentReportSchema } from '../../src/contract/agent-report.ts';
import { addedSince, type MachineState, namesOfOthers, observeMachine } from './support/machine.ts';
import { processesOf, survivorsOf } from './support/processes.ts';

const NAME = 'check-simulated';
const layout = simulatedLayout(NAME);

let before: MachineState;
let cluster: SimulatedCluster;

async function kubectl(args: readonly string[], input?: string): Promise<string> {
  const options = input === undefined ? {} : { input };
  return (await execa(cluster.kubectl, [`--kubeconfig=${cluster.kubeconfig}`, ...args], options)).stdout;
}

/** A StatefulSet as the operator makes one, with a claim for each pod. */
function statefulSet(name: string): string {
  const labels = { app: name };
  const containers = [{ name: 'emulator', image: 'none' }];
  return JSON.stringify({
    apiVersion: 'apps/v1',
    kind: 'StatefulSet',
    metadata: { name },
    spec: {
      replicas: 1,
      serviceName: name,
      podManagementPolicy: 'Parallel',
      selector: { matchLabels: labels },
      template: {
        metadata: { labels },
        spec: { initContainers: [{ name: 'init', image: 'none' }], containers, terminationGracePeriodSeconds: 90 },
      },
      volumeClaimTemplates: [
        {
          metadata: { name: 'disk' },
          spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } },
        },
      ],
    },
  });
}

async function makeReady(name: string): Promise<void> {
  let refusal = '';
  const applied = () =>
    kubectl(['apply', '--server-side', '-f', '-'], statefulSet(name)).catch((error: unknown) => {
      refusal = String(error);
      return undefined;
    });
  // After etcd was away, the API server may need longer to find it again than it lets a request wait.
  await waitFor(`${name} to be applied`, applied, { seconds: 30, why: () => refusal });
  await kubectl(['rollout', 'status', `statefulset/${name}`, '--timeout=60s']);
}

const addressOf = (pod: string) => kubectl(['get', 'pod', pod, '-o=jsonpath={.status.podIP}']);

const hasAddress = (pod: string) => expect.poll(() => addressOf(pod).catch(() => ''), { timeout: 30_000 }).not.toBe('');

/** What the agent at an address says of itself, asked as the operator asks. */
async function ask(address: string, authorization = 'Bearer any'): Promise<Response> {
  return fetch(`http://${address}:8080/status`, { headers: { authorization } });
}

/** The reports of a watch until the machine is ready. */
async function reportsUntilReady(address: string): Promise<readonly AgentReport[]> {
  const response = await fetch(`http://${address}:8080/status?watch=true`, {
    headers: { authorization: 'Bearer any' },
  });
  const reports: AgentReport[] = [];
  let rest = '';
  for await (const chunk of response.body ?? []) {
    const lines = `${rest}${Buffer.from(chunk).toString()}`.split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) {
      const report = agentReportSchema.parse(JSON.parse(line));
      reports.push(report);
      if (report.ready) return reports;
    }
  }
  throw new Error(`the watch of ${address} ended: ${JSON.stringify(reports)}`);
}

async function expectNothingLeft(): Promise<void> {
  const added = async () => addedSince(before, await observeMachine(), await namesOfOthers([layout]));
  await expect.poll(added, { timeout: 60_000 }).toEqual({});
}

beforeAll(async () => {
  await removeSimulatedCluster(NAME);
  before = await observeMachine();
  cluster = await openSimulatedCluster(NAME);
});

afterAll(() => removeSimulatedCluster(NAME));

describe('a simulated cluster', () => {
  test('runs a StatefulSet with a claim, whose machine says over its address how it boots', async () => {
    await kubectl(['apply', '--server-side', '-f', '-'], statefulSet('booting'));
    await hasAddress('booting-0');
    const uid = await kubectl(['get', 'pod', 'booting-0', '-o=jsonpath={.metadata.uid}']);
    const reports = await reportsUntilReady(await addressOf('booting-0'));
    expect(new Set(reports.map(({ podUid }) => podUid))).toEqual(new Set([uid]));
    expect(reports.at(-1)).toMatchObject({ phase: 'Running', ready: true, disk: { origin: 'Builtin' } });
    await kubectl(['rollout', 'status', 'statefulset/booting', '--timeout=60s']);
  });

  test("gives a machine's disk the life of its claim, and a volume too", async () => {
    await makeReady('kept');
    const first = (await reportsUntilReady(await addressOf('kept-0'))).at(-1);
    await kubectl(['delete', 'pod', 'kept-0']);
    await hasAddress('kept-0');
    const second = (await reportsUntilReady(await addressOf('kept-0'))).at(-1);
    expect(second?.disk).toEqual(first?.disk);
    expect(second?.podUid).not.toBe(first?.podUid);
    const volume = await kubectl(['get', 'pvc', 'disk-kept-0', '-o=jsonpath={.spec.volumeName}']);
    // Its pod goes with the StatefulSet, perhaps before it is asked for.
    await kubectl(['delete', '--ignore-not-found', 'statefulset/kept', 'pod/kept-0', 'pvc/disk-kept-0']);
    const gone = () => kubectl(['get', 'pv', volume, '--ignore-not-found', '-o=name']);
    await expect.poll(gone, { timeout: 20_000 }).toBe('');
  });

  test('asks for a token, and has nobody at an address that no pod has', async () => {
    await makeReady('asked');
    expect((await ask(await addressOf('asked-0'), '')).status).toBe(401);
    const node = new URL(cluster.server).hostname;
    expect((await ask(node)).status).toBe(503);
  });

  test('runs a program as in a pod of a service account, which can be stopped and killed itself', async () => {
    await kubectl(['create', 'serviceaccount', 'someone']);
    const script = `const { readFileSync } = require('node:fs');
      const read = (name) => readFileSync('/var/run/secrets/kubernetes.io/serviceaccount/' + name, 'utf8');
      console.log(JSON.stringify({ ...process.env, namespace: read('namespace'), token: read('token').length > 100 }));
      setInterval(() => {}, 1000);`;
    const program = await cluster.spawn([process.execPath, '-e', script], {
      name: 'program',
      env: { GREETING: 'hello' },
      serviceAccount: { namespace: 'default', name: 'someone' },
    });
    const log = () => readFile(program.log, 'utf8');
    await expect.poll(log, { timeout: 20_000 }).toContain('}');
    expect(JSON.parse(await log())).toMatchObject({
      GREETING: 'hello',
      namespace: 'default',
      token: true,
      KUBERNETES_SERVICE_HOST: new URL(cluster.server).hostname,
    });
    const state = async () => /^State:\s+(\S)/m.exec(await readFile(`/proc/${program.pid}/status`, 'utf8'))?.[1];
    program.signal('SIGSTOP');
    await expect.poll(state).toBe('T');
    program.signal('SIGCONT');
    await expect.poll(state).not.toBe('T');
    program.signal('SIGKILL');
    expect(await program.ended).toEqual({ code: null, signal: 'SIGKILL' });
  });

  test.each<ComponentName>(['etcd', 'kube-apiserver', 'kube-controller-manager', 'kube-scheduler', 'kwok', 'agents'])(
    'makes machines again after its %s was stopped, resumed, killed and started',
    async (name) => {
      const component = cluster.component(name);
      await component.pause();
      await component.resume();
      const [pid] = await component.pids();
      await component.kill();
      expect(await component.pids()).toEqual([]);
      await component.start();
      expect(await component.pids()).toEqual([expect.not.stringMatching(String(pid))]);
      await makeReady(`after-${name}`);
      expect((await ask(await addressOf(`after-${name}-0`))).status).toBe(200);
    },
  );
});

describe('a simulated cluster that is taken down', () => {
  test('leaves nothing, though something of it is stopped and a program runs in it', async () => {
    await cluster.spawn(['sleep', '1000'], { name: 'sleeper' });
    await cluster.component('kwok').pause();
    const processes = await processesOf({ layout });
    expect(processes.length).toBeGreaterThan(7);
    await cluster.down();
    await expect.poll(() => survivorsOf(processes), { timeout: 10_000 }).toEqual([]);
    await expectNothingLeft();
  });

  test('leaves nothing after its first process was killed, and may be taken down again', async () => {
    cluster = await openSimulatedCluster(NAME, { parts: 'api' });
    expect(await kubectl(['get', '--raw', '/readyz'])).toBe('ok');
    const processes = await processesOf({ layout });
    const first = await findNode(layout);
    expect(first).toBeDefined();
    if (first !== undefined) signal(first.pid, 'SIGKILL');
    await removeSimulatedCluster(NAME);
    await removeSimulatedCluster(NAME);
    await expect.poll(() => survivorsOf(processes), { timeout: 10_000 }).toEqual([]);
    await expectNothingLeft();
  });
});
