import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { type Manifest, only, refusal, render } from './render.ts';

const snapshot = 'emulator.usePrebuiltSnapshot=true';
const credentials = { create: true, username: 'reader', password: 'hunter2' };
const made = `emulator.snapshotPullSecret=${JSON.stringify(credentials)}`;

const specSchema = z.looseObject({
  disk: z.looseObject({ snapshot: z.looseObject({ pullSecretRef: z.unknown().optional() }) }),
});
const secretSchema = z.looseObject({ type: z.string(), data: z.record(z.string(), z.string()) });

function referenced(manifest: Manifest): unknown {
  return specSchema.parse(manifest['spec']).disk.snapshot.pullSecretRef;
}

/** Credentials by host in a Secret that the chart makes. */
function auths(secret: Manifest): unknown {
  const { type, data } = secretSchema.parse(secret);
  expect(type).toBe('kubernetes.io/dockerconfigjson');
  const text = Buffer.from(data['.dockerconfigjson'] ?? '', 'base64').toString();
  return z.strictObject({ auths: z.unknown() }).parse(JSON.parse(text)).auths;
}

describe('the pull secret of a snapshot', () => {
  it('is none by default', async () => {
    const manifests = await render(snapshot);
    expect(referenced(only(manifests, 'Emulator'))).toBeUndefined();
    expect(manifests.map(({ kind }) => kind)).not.toContain('Secret');
  });

  it('is one that is there, by its name, and then the chart makes none', async () => {
    const manifests = await render(snapshot, 'emulator.snapshotPullSecret.name="ghcr"');
    expect(referenced(only(manifests, 'Emulator'))).toEqual({ name: 'ghcr' });
    expect(manifests.map(({ kind }) => kind)).not.toContain('Secret');
  });

  it('is made from username and password for the host of the registry, when that is asked for', async () => {
    const manifests = await render(snapshot, made, 'emulator.snapshotRegistry="registry.example.com:5000/win98/disks"');
    const secret = only(manifests, 'Secret');
    expect(secret.metadata).toMatchObject({ name: 'win98-snapshot', namespace: 'machines' });
    expect(referenced(only(manifests, 'Emulator'))).toEqual({ name: 'win98-snapshot' });
    const auth = Buffer.from('reader:hunter2').toString('base64');
    expect(auths(secret)).toEqual({
      'registry.example.com:5000': { username: 'reader', password: 'hunter2', auth },
    });
  });

  it('has its password nowhere else', async () => {
    const others = (await render(snapshot, made)).filter(({ kind }) => kind !== 'Secret');
    expect(others.length).toBeGreaterThan(5);
    expect(JSON.stringify(others)).not.toMatch(/hunter2|aHVudGVyMg/);
  });

  it('of Docker Hub is kept under the address that clients look for', async () => {
    const manifests = await render(snapshot, made, 'emulator.snapshotRegistry="docker.io/me/disks"');
    expect(Object.keys(auths(only(manifests, 'Secret')) as object)).toEqual(['https://index.docker.io/v1/']);
  });

  it('is made once for all that take it over from the first Emulator, whether that one is made or not', async () => {
    const entries = 'emulators={"a":{"usePrebuiltSnapshot":true},"b":{"usePrebuiltSnapshot":true},"c":{"diskPVC":"d"}}';
    const manifests = await render('emulator.create=false', made, entries);
    expect(only(manifests, 'Secret').metadata.name).toBe('win98-snapshot');
    const users = manifests.filter(({ kind, metadata }) => kind === 'Emulator' && metadata.name !== 'c');
    expect(users.map(referenced)).toEqual([{ name: 'win98-snapshot' }, { name: 'win98-snapshot' }]);
  });

  it('of an entry of the map is its own, and nothing of the first one is mixed into it', async () => {
    const entry = { usePrebuiltSnapshot: true, snapshotPullSecret: { name: 'other' } };
    const manifests = await render(snapshot, made, `emulators=${JSON.stringify({ a: entry })}`);
    const ofEntry = manifests.filter(({ kind, metadata }) => kind === 'Emulator' && metadata.name === 'a');
    expect(ofEntry.map(referenced)).toEqual([{ name: 'other' }]);
    expect(only(manifests, 'Secret').metadata.name).toBe('win98-snapshot');
  });

  it('is refused when two are to have one name and differ', async () => {
    const entry = { usePrebuiltSnapshot: true, snapshotPullSecret: { ...credentials, name: 'ghcr', password: 'x' } };
    const both = [
      snapshot,
      made,
      'emulator.snapshotPullSecret.name="ghcr"',
      `emulators=${JSON.stringify({ a: entry })}`,
    ];
    expect(await refusal(...both)).toContain('Two Emulators make a Secret ghcr for their snapshots');
  });

  it('is refused when nobody uses it', async () => {
    const sentence = 'emulator.snapshotPullSecret is set, but no Emulator of the chart uses a snapshot';
    expect(await refusal(made, 'emulator.diskPVC="disk"')).toContain(sentence);
  });
});
