import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import http from 'node:http';
import https from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { CredentialCache, type CredentialSource, type Credentials } from './credentials.ts';
import { FakeClock } from './fake-clock.ts';
import { kubeconfig } from './kubeconfig.ts';
import { serviceAccount } from './service-account.ts';

const folders: string[] = [];

afterEach(async () => {
  for (const folder of folders.splice(0)) await rm(folder, { recursive: true });
});

async function newFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'loco-credentials-'));
  folders.push(folder);
  return folder;
}

/** A source that a test changes. */
function changing() {
  const state = { token: 'one', ca: 'ca', reads: [] as boolean[], fails: false };
  const source: CredentialSource = {
    server: async () => new URL('https://api.test'),
    read: async (refused): Promise<Credentials> => {
      state.reads.push(refused);
      if (state.fails) throw new Error('half written');
      return { headers: { Authorization: state.token }, tls: { ca: state.ca } };
    },
  };
  return { state, source };
}

async function openChanging() {
  const clock = new FakeClock();
  const { state, source } = changing();
  return { clock, state, cache: await CredentialCache.open(source, clock) };
}

test('credentials are read once a minute, and the same object comes back while they are the same', async () => {
  const { clock, state, cache } = await openChanging();
  const first = await cache.headers();
  await clock.advance(60_000);
  expect(await cache.headers()).toBe(first);
  expect(state.reads).toHaveLength(1);
  await clock.advance(1);
  expect(await cache.headers()).toBe(first);
  expect(state.reads).toHaveLength(2);
  state.token = 'two';
  await clock.advance(60_001);
  expect(await cache.headers()).toEqual({ Authorization: 'two' });
});

test('a clock that somebody sets keeps nobody from reading them', async () => {
  const { clock, state, cache } = await openChanging();
  clock.setWall(-3_600_000);
  await clock.advance(60_001);
  await cache.headers();
  expect(state.reads).toHaveLength(2);
});

test('however many requests are refused at the same time, they are read once', async () => {
  const { state, cache } = await openChanging();
  const refused = await cache.headers();
  state.token = 'two';
  const all = await Promise.all([cache.headers(refused), cache.headers(refused), cache.headers(refused)]);
  expect(all.map(({ Authorization }) => Authorization)).toEqual(['two', 'two', 'two']);
  // One that was sent with the old ones and is refused only now.
  expect((await cache.headers(refused)).Authorization).toBe('two');
  expect(state.reads).toEqual([false, true]);
});

test('what can not be read now leaves the last ones in use, unless those were refused', async () => {
  const { clock, state, cache } = await openChanging();
  state.fails = true;
  await clock.advance(60_001);
  const headers = await cache.headers();
  expect(headers).toEqual({ Authorization: 'one' });
  await expect(cache.headers(headers)).rejects.toThrow('half written');
});

test('another certificate authority makes another agent, and another token does not', async () => {
  const { clock, state, cache } = await openChanging();
  const { agent } = cache;
  state.token = 'two';
  await clock.advance(60_001);
  await cache.headers();
  expect(cache.agent).toBe(agent);
  state.ca = 'other';
  await clock.advance(60_001);
  await cache.headers();
  expect(cache.agent).not.toBe(agent);
  expect(cache.agent).toBeInstanceOf(https.Agent);
});

test('what many workers ask at the same time needs no new connections the next time', async () => {
  const server = http.createServer((_request, response) => response.end());
  let connections = 0;
  server.on('connection', () => {
    connections += 1;
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const url = new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  const read = async (): Promise<Credentials> => ({ headers: {}, tls: {} });
  const { agent } = await CredentialCache.open({ server: async () => url, read }, new FakeClock());
  const ask = () =>
    new Promise<void>((resolve, reject) => {
      const request = http.get(url, { agent }, (response) => response.resume().once('close', resolve));
      request.once('error', reject);
    });
  // Eight workers, each of which creates four children at a time.
  const wave = () => Promise.all(Array.from({ length: 32 }, ask));
  try {
    await wave();
    await wave();
    expect(connections).toBe(32);
  } finally {
    agent.destroy();
    server.close();
  }
});

test("a pod's service account is two variables and two files, read each time", async () => {
  const folder = await newFolder();
  await writeFile(join(folder, 'token'), 'first\n');
  await writeFile(join(folder, 'ca.crt'), 'CA');
  const source = serviceAccount({ KUBERNETES_SERVICE_HOST: 'fd00::1', KUBERNETES_SERVICE_PORT: '443' }, folder);
  expect((await source.server()).href).toBe('https://[fd00::1]/');
  expect(await source.read(false)).toEqual({ headers: { Authorization: 'Bearer first' }, tls: { ca: 'CA' } });
  await writeFile(join(folder, 'token'), 'second');
  expect((await source.read(false)).headers).toEqual({ Authorization: 'Bearer second' });
  await writeFile(join(folder, 'token'), '\n');
  await expect(source.read(false)).rejects.toThrow('is empty');
});

test('outside of a cluster it says what to give instead', async () => {
  await expect(serviceAccount({}).server()).rejects.toThrow('give a kubeconfig file');
});

function kubeconfigText(token: string): string {
  return JSON.stringify({
    clusters: [{ name: 'c', cluster: { server: 'https://api.test:6443', 'certificate-authority-data': 'Q0E=' } }],
    users: [{ name: 'u', user: { token } }],
    contexts: [{ name: 'x', context: { cluster: 'c', user: 'u' } }],
    'current-context': 'x',
  });
}

test('a kubeconfig file is read again when it changed', async () => {
  const file = join(await newFolder(), 'config');
  await writeFile(file, kubeconfigText('first'));
  const source = kubeconfig(file);
  expect((await source.server()).href).toBe('https://api.test:6443/');
  const first = await source.read(false);
  expect(first.headers).toEqual({ Authorization: 'Bearer first' });
  expect(String(first.tls.ca)).toBe('CA');
  await writeFile(file, kubeconfigText('second'));
  expect((await source.read(false)).headers).toEqual({ Authorization: 'Bearer second' });
});

test('a kubeconfig without a context says which command sets one', async () => {
  const file = join(await newFolder(), 'config');
  await writeFile(file, '{}');
  await expect(kubeconfig(file).server()).rejects.toThrow('kubectl config use-context');
});
