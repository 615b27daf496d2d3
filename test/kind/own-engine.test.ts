import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { signal } from '../../scripts/cluster/local/processes.ts';
import { TestCluster } from '../cluster/support/cli.ts';
import { addedSince, type MachineState, namesOfOthers, observeMachine } from '../cluster/support/machine.ts';
import { processesOf, survivorsOf } from '../cluster/support/processes.ts';

const cluster = new TestCluster('loco-check-kind', 'kind');

let before: MachineState;

async function added(): Promise<MachineState> {
  return addedSince(before, await observeMachine(), await namesOfOthers([cluster.layout]));
}

/** The kernel takes some things away a moment after the command that made it do so. */
async function expectNothingLeft(): Promise<void> {
  await expect.poll(added, { timeout: 30_000 }).toEqual({});
}

beforeAll(async () => {
  await cluster.run('down');
  before = await observeMachine();
});

afterAll(() => cluster.run('down'));

test('without an engine, kind says how to get one and leaves nothing', async (context) => {
  if ((await execa('docker', ['info'], { reject: false })).exitCode === 0) {
    return context.skip('a docker engine answers here');
  }
  const { exitCode, stderr } = await cluster.run('up');
  expect({ exitCode, stderr }).toEqual({ exitCode: 1, stderr: expect.stringContaining('--install-engine') });
  await expectNothingLeft();
});

test('an engine of its own runs a node that gives pods volumes, and this machine reaches it', async () => {
  await cluster.must('up', '--install-engine');
  expect(Object.keys(await added())).toEqual(expect.arrayContaining(['addresses', 'groups', 'interfaces', 'routes']));
  const ready = '-o=jsonpath={.items[*].status.conditions[?(@.type=="Ready")].status}';
  expect(await cluster.kubectl(['get', 'nodes', ready])).toBe('True');
  expect(await cluster.kubectl(['get', 'storageclass', '-o=name'])).toContain('standard');
});

test('a second "up" makes nothing anew', async () => {
  const uid = () => cluster.kubectl(['get', 'namespace', 'kube-system', '-o=jsonpath={.metadata.uid}']);
  const known = await uid();
  const { stderr } = await cluster.must('up');
  expect(stderr).not.toContain('Making');
  expect(await uid()).toBe(known);
});

test('"down" leaves nothing, not even what the kubelet has set in the kernel', async () => {
  const processes = await processesOf(cluster);
  expect(processes.length).toBeGreaterThan(10);
  await cluster.must('down');
  expect(await survivorsOf(processes)).toEqual([]);
  await expectNothingLeft();
});

test('one that was cut short is made anew, and taken down whole though its processes were killed', async () => {
  await cluster.must('up', '--install-engine');
  await rm(join(cluster.layout.root, 'complete'));
  const { stderr } = await cluster.must('up');
  expect(stderr).toContain('made anew');
  const processes = await processesOf(cluster);
  for (const { pid } of processes) signal(pid, 'SIGKILL');
  await cluster.must('down');
  expect(await survivorsOf(processes)).toEqual([]);
  await expectNothingLeft();
});
