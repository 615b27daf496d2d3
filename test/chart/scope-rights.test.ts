import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openSimulatedCluster, type SimulatedCluster } from '../../scripts/cluster/simulated/index.ts';
import { chartFolder, helm } from './render.ts';

const NAMESPACES = ['one', 'two', 'school', 'museum', 'elsewhere'];

/** `verb resource`: some of what the operator does, of each kind of right. */
const WORK = ['list emulators', 'patch emulators/status', 'create statefulsets', 'get secrets', 'delete pods'];
const LEASE = ['create leases', 'update leases'];

describe('the rights of an installation, by the word of a real API server', { timeout: 120_000 }, () => {
  let cluster: SimulatedCluster;

  beforeAll(async () => {
    cluster = await openSimulatedCluster('chart-scope', { parts: 'api' });
    for (const name of NAMESPACES) await kubectl('create', 'namespace', name);
    expect(await release('install', 'one', 'scope.kind="Own"')).toMatchObject({ exitCode: 0 });
  });
  afterAll(() => cluster?.down());

  function kubectl(...args: string[]) {
    return execa(cluster.kubectl, [`--kubeconfig=${cluster.kubeconfig}`, ...args], { reject: false, all: true });
  }

  /** Installs or upgrades the release `loco` of a namespace. Nothing runs here that a hook could wait for. */
  function release(command: 'install' | 'upgrade', namespace: string, ...settings: string[]) {
    const flags = ['operator.crds.upgrade=false', ...settings].flatMap((setting) => ['--set-json', setting]);
    return helm(command, 'loco', chartFolder, `--kubeconfig=${cluster.kubeconfig}`, '--namespace', namespace, ...flags);
  }

  /** Which of these the operator of a namespace may do in another one, or with `--all-namespaces` in all of them. */
  async function allowed(work: readonly string[], operatorOf: string, where: string): Promise<string[]> {
    const place = where === '--all-namespaces' ? where : `--namespace=${where}`;
    const as = `--as=system:serviceaccount:${operatorOf}:loco-operator`;
    const answers = await Promise.all(
      work.map(async (each) => {
        const [verb = '', resource = '', subresource = ''] = each.split(/[ /]/);
        const { stdout } = await kubectl('auth', 'can-i', verb, resource, `--subresource=${subresource}`, place, as);
        return stdout.trim() === 'yes' ? [each] : [];
      }),
    );
    return answers.flat();
  }

  it('of its own namespace end at that', async () => {
    expect(await allowed([...WORK, ...LEASE], 'one', 'one')).toEqual([...WORK, ...LEASE]);
    for (const where of ['elsewhere', 'two', '--all-namespaces']) {
      expect(await allowed([...WORK, ...LEASE], 'one', where)).toEqual([]);
    }
  });

  it('are its own beside another release of the same name in another namespace', async () => {
    expect(await release('install', 'two', 'scope.kind="Own"')).toMatchObject({ exitCode: 0 });
    expect(await allowed(WORK, 'two', 'two')).toEqual(WORK);
    expect(await allowed(WORK, 'two', 'one')).toEqual([]);
    expect(await allowed(WORK, 'one', 'two')).toEqual([]);
  });

  it('of a list of namespaces are those, and the Lease in its own', async () => {
    const listed = ['scope.kind="Namespaces"', 'scope.namespaces=["school","museum"]'];
    expect(await release('upgrade', 'two', ...listed)).toMatchObject({ exitCode: 0 });
    for (const where of ['school', 'museum']) {
      expect(await allowed(WORK, 'two', where)).toEqual(WORK);
      expect(await allowed(LEASE, 'two', where)).toEqual([]);
    }
    expect(await allowed(LEASE, 'two', 'two')).toEqual(LEASE);
    for (const where of ['two', 'elsewhere', '--all-namespaces']) expect(await allowed(WORK, 'two', where)).toEqual([]);
  });

  it('over a namespace that is another release’s of this name are refused, and nothing changes', async () => {
    const both = ['scope.kind="Namespaces"', 'scope.namespaces=["school","one"]'];
    const refused = await release('upgrade', 'two', ...both);
    expect(refused.exitCode).toBe(1);
    expect(refused.all).toMatch(/Role "loco-operator" in namespace "one" exists and cannot be imported/);
    expect(await allowed(WORK, 'one', 'one')).toEqual(WORK);
    expect(await allowed(WORK, 'two', 'one')).toEqual([]);
    expect(await allowed(WORK, 'two', 'museum')).toEqual(WORK);
  });

  it('in a namespace that is not there are refused with its name', async () => {
    const gone = ['scope.kind="Namespaces"', 'scope.namespaces=["school","gone"]'];
    const refused = await release('upgrade', 'two', ...gone);
    expect(refused.exitCode).toBe(1);
    expect(refused.all).toContain('namespaces "gone" not found');
  });

  it('become those of the whole cluster, and less again, by an upgrade', async () => {
    expect(await release('upgrade', 'two', 'scope.kind="Cluster"')).toMatchObject({ exitCode: 0 });
    expect(await allowed(WORK, 'two', '--all-namespaces')).toEqual(WORK);
    expect(await allowed(LEASE, 'two', 'elsewhere')).toEqual([]);
    expect(await release('upgrade', 'two', 'scope.kind="Own"')).toMatchObject({ exitCode: 0 });
    expect(await allowed(WORK, 'two', 'two')).toEqual(WORK);
    for (const where of ['school', '--all-namespaces']) expect(await allowed(WORK, 'two', where)).toEqual([]);
  });
});
