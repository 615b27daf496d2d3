import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { pullConfig, pushSnapshot, withRegistry } from './support/registry.ts';
import { Scenario } from './support/scenario.ts';
import { eventually } from './support/wait.ts';

const environment = new Scenario('hybrid').cluster.environment;

describe.skipIf(environment.registry === undefined)('a hybrid machine is filled once from a registry', () => {
  const scenario = new Scenario('hybrid');
  const registry = environment.registry ?? { tls: '', hostname: '', plain: '', caFile: '', username: '', password: '' };
  const reference = `${registry.hostname}/loco/qemu-snapshots:win98-base`;
  /** A repository that no earlier run has pushed to. */
  const late = `loco/late-${Date.now()}:win98-base`;
  let digest: string;

  beforeAll(async () => {
    digest = await pushSnapshot(environment, 'loco/qemu-snapshots:win98-base');
    await scenario.open();
    await scenario.cluster.apply({
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'registry-ca', namespace: scenario.namespace },
      data: { 'ca.crt': await readFile(registry.caFile, 'utf8') },
    });
    await pullSecret('registry', registry.password);
  });
  afterAll(() => scenario.close());

  async function pullSecret(name: string, password: string): Promise<void> {
    await scenario.cluster.apply({
      apiVersion: 'v1',
      kind: 'Secret',
      type: 'kubernetes.io/dockerconfigjson',
      metadata: { name, namespace: scenario.namespace },
      stringData: { '.dockerconfigjson': pullConfig(environment, password) },
    });
  }

  function hybrid(snapshot: { reference: string; secret?: string }) {
    return {
      image: scenario.images.qemu,
      storage: { mode: 'Hybrid', size: '1Gi' },
      disk: {
        snapshot: {
          reference: snapshot.reference,
          pullSecretRef: { name: snapshot.secret ?? 'registry' },
          registry: { caBundleRef: { name: 'registry-ca', key: 'ca.crt' } },
        },
      },
    };
  }

  /** How long an Emulator takes from there to Ready, with an operator that nobody restarts meanwhile. */
  function secondsUntilReady(name: string, mend: () => Promise<unknown>): Promise<number> {
    return scenario.cluster.undisturbed(async () => {
      const mended = performance.now();
      await mend();
      await scenario.ready(name);
      return (performance.now() - mended) / 1000;
    });
  }

  test('the snapshot is pulled with the pull secret and the private CA, and pinned by digest', async () => {
    await scenario.applyEmulator('arcade', hybrid({ reference }));
    await scenario.interruption();
    const emulator = await scenario.ready('arcade');
    expect(await scenario.bootCount('arcade-0')).toBe(1);
    expect(emulator.status?.diskOrigin).toBe('Snapshot');
    expect(emulator.status?.snapshot).toEqual({ reference, digest });
    expect(emulator.status?.machines?.[0]?.disk?.digest).toBe(digest);
  });

  test('with the registry stopped, a deleted pod comes back with its disk and nothing is pulled', async (context) => {
    const control = await scenario.cluster.registryControl();
    if (control === undefined) return context.skip('needs to stop the registry, which this cluster does not allow');
    const before = (await scenario.emulator('arcade')).status?.machines?.[0]?.disk;
    await withRegistry(environment, async () => {
      await control.stop();
      try {
        await scenario.replacePod('arcade', 'arcade-0');
        expect(await scenario.bootCount('arcade-0')).toBe(2);
        const after = (await scenario.emulator('arcade')).status?.machines?.[0]?.disk;
        expect(after).toMatchObject({ id: before?.id, preparedAt: before?.preparedAt });
      } finally {
        await control.start();
      }
    });
  });

  test('a built-in disk is taken before the snapshot, and a missing one is no failure', async () => {
    await scenario.applyEmulator('both', { ...hybrid({ reference }), image: scenario.images.qemuBuiltin });
    await scenario.interruption();
    expect((await scenario.ready('both')).status?.diskOrigin).toBe('Builtin');
    await scenario.deleteEmulator('both');
  });

  const mistakes = [
    {
      name: 'password',
      what: 'a wrong password',
      snapshot: { reference, secret: 'wrong' },
      prepare: () => pullSecret('wrong', 'not the password'),
      reason: 'RegistryAuthFailed',
      message: /password|credentials|log in/i,
      mend: () => pullSecret('wrong', registry.password),
    },
    {
      name: 'tag',
      what: 'a tag that is not there',
      snapshot: { reference: `${registry.hostname}/${late}` },
      prepare: async () => {},
      reason: 'SnapshotNotFound',
      message: /late-\d+:win98-base/,
      mend: () => pushSnapshot(environment, late),
    },
    {
      name: 'host',
      what: 'a host that does not exist',
      snapshot: { reference: `no-such-host.invalid/loco/qemu-snapshots:win98-base` },
      prepare: async () => {},
      reason: 'RegistryUnreachable',
      message: /no-such-host\.invalid/,
      mend: () => scenario.applyEmulator('host', hybrid({ reference })),
    },
  ];

  test.each(mistakes)(
    '$what is named in condition and event, and put right it comes up within a minute',
    async (mistake) => {
      await mistake.prepare();
      await scenario.applyEmulator(mistake.name, hybrid(mistake.snapshot));
      const condition = await scenario.condition(mistake.name, 'SnapshotResolved', 'False', mistake.reason);
      expect(condition.message).toMatch(mistake.message);
      expect(condition.message).not.toContain('not the password');
      await eventually(
        'the event names the cause',
        async () => (await scenario.events(mistake.name, mistake.reason)).length > 0,
      );
      await scenario.interruption();
      const seconds = await secondsUntilReady(mistake.name, mistake.mend);
      expect(seconds).toBeLessThan(60);
      await scenario.deleteEmulator(mistake.name);
    },
  );

  test('a snapshot given by digest with a wrong password comes up within a minute of the right one', async () => {
    await pullSecret('exact', 'not the password');
    const exact = `${registry.hostname}/loco/qemu-snapshots@${digest}`;
    await scenario.applyEmulator('exact', hybrid({ reference: exact, secret: 'exact' }));
    const condition = await scenario.condition('exact', 'DisksReady', 'False', 'DiskFailed');
    expect(condition.message).toMatch(/password|credentials|log in/i);
    await scenario.interruption();
    const seconds = await secondsUntilReady('exact', () => pullSecret('exact', registry.password));
    expect(seconds).toBeLessThan(60);
    await scenario.deleteEmulator('exact');
  });
});
