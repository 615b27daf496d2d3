import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openLocalCluster } from '../../scripts/cluster/local/index.ts';
import { signal } from '../../scripts/cluster/local/processes.ts';
import { TestCluster } from './support/cli.ts';
import { addedSince, type MachineState, namesOfOthers, observeMachine } from './support/machine.ts';
import { kill, processesOf, survivorsOf } from './support/processes.ts';
import { Workload } from './support/workload.ts';

const cluster = new TestCluster('loco-check-one');
const other = new TestCluster('loco-check-other');
const workload = new Workload(cluster);

let before: MachineState;

/** What is on the machine now that wasn't before, other clusters' things aside. */
async function added(): Promise<MachineState> {
  const now = await observeMachine();
  return addedSince(before, now, await namesOfOthers([cluster.layout, other.layout]));
}

/** The kernel takes some things away a moment after the command that made it do so. */
async function expectNothingLeft(): Promise<void> {
  await expect.poll(added, { timeout: 60_000 }).toEqual({});
}

beforeAll(async () => {
  await cluster.must('down');
  await other.must('down');
  before = await observeMachine();
  await cluster.must('up');
  // That the comparison sees what is there is what makes its silence later worth something.
  expect(Object.keys(await added())).toEqual(expect.arrayContaining(['addresses', 'groups', 'interfaces', 'routes']));
});

afterAll(async () => {
  await cluster.must('down');
  await other.must('down');
});

describe('a cluster that is up', () => {
  test('runs a pod with a volume behind a Service that this machine reaches', async () => {
    await workload.start();
    expect(await workload.starts()).toBe(1);
  });

  test('lets pods resolve Services and the registry, and says of other names that there is no such', async () => {
    expect(await workload.shell('busybox wget -qO- http://counter.default/starts')).toContain('start');
    expect(await workload.shell('busybox nslookup registry.loco.test')).toMatch(/Address: 10\.\d+\.0\.2/);
    expect(await workload.shell('busybox nslookup no.such.host || true')).toContain('NXDOMAIN');
  });

  test('is found in order by a second "up", which starts nothing', async () => {
    const again = await cluster.must('up');
    expect(again.stderr).toContain('Everything runs already');
    expect(again.seconds).toBeLessThan(30);
  });

  test('prints the path of its kubeconfig and nothing else', async () => {
    const { stdout, stderr } = await cluster.must('kubeconfig');
    expect({ stdout, stderr }).toEqual({ stdout: cluster.layout.kubeconfig, stderr: '' });
  });

  test('keeps its Kubernetes: another one is refused before anything of it is built', async () => {
    expect((await cluster.must('status')).stdout).toMatch(/^Kubernetes +1\.36\./m);
    const other = await cluster.run('up', '--kubernetes', '1.35');
    expect(other).toMatchObject({ exitCode: 1, stderr: expect.stringContaining('is one of Kubernetes 1.36') });
    expect(other.stderr).not.toContain('Building');
  });

  test('has a registry that asks for the password, over TLS and over plain HTTP', async () => {
    const { registry } = await openLocalCluster(cluster.name);
    if (registry === undefined) throw new Error('a local cluster has a registry');
    const ask = async (headers: Record<string, string>) =>
      (await fetch(`http://${registry.plain}/v2/`, { headers })).status;
    const credentials = Buffer.from(`${registry.username}:${registry.password}`).toString('base64');
    expect([await ask({}), await ask({ authorization: `Basic ${credentials}` })]).toEqual([401, 200]);
    await registry.stop();
    await expect(ask({})).rejects.toThrow();
    await registry.start();
    expect(await ask({})).toBe(401);
  });

  test('writes down at its audit log who asked for what', async () => {
    const { stdout } = await execa('tail', ['-c', '200000', cluster.layout.auditLog]);
    expect(stdout).toContain('"level":"Metadata"');
    expect(stdout).not.toContain('"level":"Request');
  });
});

describe('a cluster of which something has died', () => {
  test.each(['etcd', 'kube-apiserver', 'kube-scheduler', 'kube-controller-manager', 'kube-proxy', 'coredns'])(
    'gets its %s back by "up", and nothing else is touched',
    async (program) => {
      expect(await kill(cluster, program)).toBe(1);
      const status = await cluster.run('status');
      expect(status).toMatchObject({ exitCode: 1, stdout: expect.stringMatching(new RegExp(`${program} +has died`)) });
      expect((await cluster.must('up')).stderr).toContain(`Started ${program}`);
      expect((await cluster.must('status')).stdout).not.toContain('has died');
      expect(await workload.starts()).toBe(1);
    },
  );

  test('gets kubelet and containerd back while its pods run on', async () => {
    expect([await kill(cluster, 'kubelet'), await kill(cluster, 'containerd')]).toEqual([1, 1]);
    expect((await cluster.must('up')).stderr).toMatch(/Started containerd, kubelet/);
    await workload.waitReady();
    expect(await workload.starts()).toBe(1);
    expect(await workload.shell('echo here')).toBe('here');
  });

  test('comes back with its volumes after the whole node was lost, as after a reboot', async () => {
    expect(await kill(cluster, 'pause')).toBeGreaterThan(0);
    const status = await cluster.run('status');
    expect(status).toMatchObject({ exitCode: 1, stdout: expect.stringContaining('is down, its data is kept') });
    await cluster.must('up');
    await expect.poll(async () => workload.starts(), { timeout: 60_000 }).toBe(2);
    await workload.waitReady();
  });
});

describe('two clusters on one machine', () => {
  beforeAll(async () => {
    await other.must('up');
  });

  test('run side by side, with addresses of their own', async () => {
    await new Workload(other).start();
    expect(await workload.starts()).toBe(2);
    expect(await new Workload(other).starts()).toBe(1);
  });

  test('one is taken down in use and the other does not notice', async () => {
    const processes = await processesOf(other);
    await other.must('down');
    await expect.poll(() => survivorsOf(processes), { timeout: 10_000 }).toEqual([]);
    expect((await cluster.must('up')).stderr).toContain('Everything runs already');
    expect(await workload.shell('echo here')).toBe('here');
  });
});

describe('a cluster that is taken down', () => {
  test('leaves nothing, though all its processes were killed and part of its state is lost', async () => {
    const processes = await processesOf(cluster);
    expect(processes.length).toBeGreaterThan(12);
    for (const { pid } of processes) signal(pid, 'SIGKILL');
    await rm(cluster.layout.settings);
    await rm(join(cluster.layout.root, 'pki'), { recursive: true });
    await cluster.must('down');
    await expect.poll(() => survivorsOf(processes), { timeout: 10_000 }).toEqual([]);
    await expectNothingLeft();
  });

  test('leaves nothing when it was half up', async () => {
    await cluster.must('up');
    await workload.start();
    expect(await kill(cluster, 'containerd')).toBe(1);
    await rm(cluster.layout.settings);
    const processes = await processesOf(cluster);
    await cluster.must('down');
    await expect.poll(() => survivorsOf(processes), { timeout: 10_000 }).toEqual([]);
    await expectNothingLeft();
  });

  test('may be taken down again, and says in its status that it is not there', async () => {
    await cluster.must('down');
    expect(await cluster.run('status')).toMatchObject({ exitCode: 1, stdout: expect.stringContaining('There is no') });
    expect((await cluster.run('kubeconfig')).exitCode).toBe(1);
  });
});
