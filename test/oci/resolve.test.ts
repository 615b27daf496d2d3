import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { resolveReference } from '../../src/oci/resolve.ts';
import { makeDisk } from '../agent/disk-workbench.ts';
import { TestRegistry } from './registry.ts';

let registry: TestRegistry;
let digest: string;

beforeAll(async () => {
  registry = await TestRegistry.start();
  await makeDisk(registry.file('win98.qcow2'), 1);
  digest = await registry.pushFile('disks/win98:base', registry.file('win98.qcow2'));
});

afterAll(() => registry[Symbol.asyncDispose]());

describe('a reference is resolved', () => {
  test('over TLS with a CA of its own and a login', async () => {
    expect(await resolveReference(`${registry.tls}/disks/win98:base`, registry.access())).toEqual({
      ok: true,
      value: { digest },
    });
  });

  test('over plain HTTP', async () => {
    const access = registry.access({ plainHTTP: true });
    expect(await resolveReference(`${registry.plain}/disks/win98:base`, access)).toEqual({
      ok: true,
      value: { digest },
    });
  });

  test('by digest', async () => {
    const reference = `${registry.tls}/disks/win98@${digest}`;
    expect(await resolveReference(reference, registry.access())).toEqual({ ok: true, value: { digest } });
  });
});

describe('each cause of failure is told from the others', () => {
  const cases = [
    {
      name: 'a wrong password',
      reason: 'RegistryAuthFailed',
      says: 'refuses the login',
      access: { config: 'wrong.json' },
    },
    { name: 'no login', reason: 'RegistryAuthFailed', says: 'has none for it', access: { config: 'empty.json' } },
    {
      name: 'no pull secret',
      reason: 'RegistryAuthFailed',
      says: 'has none for it',
      access: { config: 'nowhere.json' },
    },
    {
      name: 'a secret that is no config.json',
      reason: 'RegistryAuthFailed',
      says: 'docker-registry',
      access: { config: 'ca.crt' },
    },
    { name: 'a missing tag', reason: 'SnapshotNotFound', says: 'has no', reference: 'disks/win98:nope' },
    { name: 'a missing repository', reason: 'SnapshotNotFound', says: 'has no', reference: 'disks/none:base' },
    { name: 'no such host', reason: 'RegistryUnreachable', says: 'no host called', host: 'no-such-host.invalid' },
    { name: 'nobody who listens', reason: 'RegistryUnreachable', says: "can't be reached", host: '127.0.0.1:1' },
    {
      name: 'an unknown CA',
      reason: 'RegistryCertificateNotTrusted',
      says: 'caBundleRef',
      access: { ca: 'nowhere.crt' },
    },
    { name: 'a reference without a tag', reason: 'SnapshotReferenceInvalid', says: 'tag', reference: 'disks/win98' },
  ];

  test.each(cases)('$name: $reason', async ({ reason, says, access, host, reference = 'disks/win98:base' }) => {
    const result = await resolveReference(
      `${host ?? registry.tls}/${reference}`,
      registry.access({
        registryConfig: registry.file(access?.config ?? 'right.json'),
        caFile: registry.file(access?.ca ?? 'ca.crt'),
      }),
    );
    expect(result).toMatchObject({ ok: false, failure: { reason } });
    if (result.ok) return;
    expect(result.failure.message).toContain(says);
    if (reference !== 'disks/win98')
      expect(result.failure.message).toContain(access?.config === 'ca.crt' ? '' : (host ?? registry.tls));
    expect(result.failure.message).not.toContain('horse');
  });

  test('TLS spoken to a registry without it', async () => {
    const result = await resolveReference(`${registry.plain}/disks/win98:base`, registry.access());
    expect(result).toMatchObject({ ok: false, failure: { reason: 'RegistryUnreachable' } });
    if (!result.ok) expect(result.failure.message).toContain('plainHTTP: true');
  });

  test('plain HTTP spoken to a registry with TLS', async () => {
    const result = await resolveReference(`${registry.tls}/disks/win98:base`, registry.access({ plainHTTP: true }));
    expect(result).toMatchObject({ ok: false, failure: { reason: 'RegistryFailed' } });
  });

  test('no answer in time', async () => {
    const { createServer } = await import('node:net');
    const silent = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => silent.once('listening', resolve));
    const address = silent.address();
    const port = typeof address === 'object' ? address?.port : undefined;
    const result = await resolveReference(`127.0.0.1:${port}/a:b`, registry.access({ timeoutMilliseconds: 500 }));
    expect(result).toMatchObject({ ok: false, failure: { reason: 'RegistryUnreachable' } });
    silent.close();
  });
});
