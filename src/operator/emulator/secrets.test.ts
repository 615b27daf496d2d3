import { inspect } from 'node:util';
import { afterEach, expect, test } from 'vitest';
import { KubeClient } from '../../kube/client.ts';
import { FakeClock } from '../../kube/fake-clock.ts';
import { sendFailure, sendJson, startScriptedServer } from '../../kube/scripted-server.ts';
import { emulator } from './observed.fixture.ts';
import { EmulatorSecrets, SecretWithoutToken } from './secrets.ts';

const OWNER = { name: 'classroom', namespace: 'school', uid: 'emulator-uid' };
const { spec } = emulator();
const open: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const close of open.splice(0)) await close();
});

/** An API server that has these Secrets, `null` being one without the key, and takes others. */
async function setUp(there: Readonly<Record<string, { controllerUid?: string; token?: string | null }>>) {
  const server = await startScriptedServer((request, response, body) => {
    if (request.method === 'POST') {
      const name = (JSON.parse(body) as { metadata: { name: string } }).metadata.name;
      return there[name] === undefined
        ? sendJson(response, 201, JSON.parse(body))
        : sendFailure(response, 409, 'AlreadyExists');
    }
    const name = request.url?.split('/').at(-1) ?? '';
    const { controllerUid, token = 'secret' } = there[name] ?? {};
    const reference = { apiVersion: 'x', kind: 'Emulator', name: 'classroom', uid: controllerUid, controller: true };
    const ownerReferences = controllerUid === undefined ? [] : [reference];
    const data = token === null ? {} : { token: Buffer.from(token).toString('base64') };
    return sendJson(response, 200, { metadata: { name, namespace: 'school', ownerReferences }, data });
  });
  open.push(server.close);
  const clock = new FakeClock();
  const randomBytes = (size: number): Buffer => Buffer.alloc(size, 7);
  const secrets = new EmulatorSecrets(new KubeClient(server.connection), randomBytes, () => clock.monotonic());
  const reads = (): number => server.requests.filter((request) => request.startsWith('GET')).length;
  return { server, clock, secrets, reads };
}

test('what is missing is made', async () => {
  const { server, secrets } = await setUp({});
  expect(await secrets.create(OWNER, spec)).toEqual([]);
  expect(server.requests).toEqual(Array(2).fill('POST /api/v1/namespaces/school/secrets'));
  expect(await secrets.token(OWNER, false)).toBe('07'.repeat(32));
});

test('a Secret that is ours or somebody made by hand stays as it is, and its token is the one', async () => {
  const ours = { controllerUid: 'emulator-uid', token: 'known' };
  const { secrets } = await setUp({ 'classroom-agent': ours, 'classroom-vnc': {} });
  expect(await secrets.create(OWNER, spec)).toEqual([]);
  expect(await secrets.token(OWNER, false)).toBe('known');
});

test('Secrets that go with a deleted Emulator of this name are told of, and not used', async () => {
  const theirs = { controllerUid: 'predecessor', token: 'theirs' };
  const { server, secrets } = await setUp({ 'classroom-vnc': theirs });
  expect(await secrets.create(OWNER, spec)).toEqual([{ kind: 'Secret', name: 'classroom-vnc', ofPredecessor: true }]);
  expect(server.requests).toContain('GET /api/v1/namespaces/school/secrets/classroom-vnc');
});

test('a Secret without a token says what to do, to who makes it and to who asks, and ends nothing else', async () => {
  const unhandled: unknown[] = [];
  const listen = (error: unknown) => unhandled.push(error);
  process.on('unhandledRejection', listen);
  open.push(async () => void process.off('unhandledRejection', listen));
  const { secrets } = await setUp({ 'classroom-agent': { controllerUid: 'emulator-uid', token: null } });
  await expect(secrets.create(OWNER, spec)).rejects.toBeInstanceOf(SecretWithoutToken);
  await expect(secrets.token(OWNER, false)).rejects.toThrow(/classroom-agent has no key token.*: delete it/);
  // Rejections that nobody took are told between two turns.
  await new Promise((resolve) => setImmediate(resolve));
  expect(unhandled).toEqual([]);
});

test('a Secret that was put right is read by who asks later, once for all', async () => {
  const there = { 'classroom-agent': { token: null as string | null } };
  const { clock, secrets, reads } = await setUp(there);
  const askAll = () => Promise.allSettled(Array.from({ length: 20 }, () => secrets.token(OWNER, false)));
  await askAll();
  await askAll();
  expect(reads()).toBe(1);
  there['classroom-agent'].token = 'right';
  await clock.advance(5_000);
  expect((await askAll())[0]).toEqual({ status: 'fulfilled', value: 'right' });
  await askAll();
  expect(reads()).toBe(2);
});

test.each(['', 'two words', 'one\r\nX-Other: header', 'Schlüssel'])(
  'what no header can have in it is no token: %j',
  async (token) => {
    const { secrets } = await setUp({ 'classroom-agent': { controllerUid: 'emulator-uid', token } });
    await expect(secrets.token(OWNER, false)).rejects.toThrow(
      /classroom-agent has a key token that isn't one word.*: delete it/,
    );
  },
);

test('a token that agents refuse is read once in thirty seconds, for however many machines', async () => {
  const there = { 'classroom-agent': { token: 'old' } };
  const { clock, secrets, reads } = await setUp(there);
  const other = { ...OWNER, name: 'library', uid: 'library-uid' };
  expect(await secrets.token(OWNER, false)).toBe('old');
  there['classroom-agent'].token = 'new';
  const heard = new Set<string>();
  for (let second = 1; second < 60; second += 1) {
    await clock.advance(1_000);
    for (let machine = 0; machine < 20; machine += 1) heard.add(await secrets.token(OWNER, true));
    expect([...heard]).toEqual(second < 30 ? ['old'] : ['old', 'new']);
  }
  expect(reads()).toBe(2);
  await secrets.token(other, false);
  expect(reads()).toBe(3);
});

test('who refuses a Secret and quotes it is told of without what is secret in it', async () => {
  const quoted: string[] = [];
  const server = await startScriptedServer((_request, response, body) => {
    const { data } = JSON.parse(body) as { data: Record<string, string> };
    const values = Object.values(data).flatMap((value) => [value, Buffer.from(value, 'base64').toString()]);
    quoted.push(...values);
    const message = `admission webhook "w" denied the request: ${values.join(' and ')}`;
    const details = { causes: [{ reason: 'FieldValueInvalid', message, field: 'data' }] };
    sendJson(response, 403, { kind: 'Status', reason: 'Forbidden', message, details, code: 403 });
  });
  open.push(server.close);
  const bytes = (size: number): Buffer => Buffer.from(Array.from({ length: size }, (_, index) => index * 7));
  const secrets = new EmulatorSecrets(new KubeClient(server.connection), bytes, () => 0);
  const error = await secrets.create(OWNER, spec).catch((thrown: unknown) => thrown);
  expect(error).toMatchObject({
    code: 403,
    reason: 'Forbidden',
    message: expect.stringContaining('denied the request'),
  });
  const told = inspect(error, { depth: 10 });
  expect(quoted).toHaveLength(4);
  for (const value of quoted) expect(told).not.toContain(value);
});

test('of the tokens that are all wanted after a restart a few are read at a time', async () => {
  let underWay = 0;
  let most = 0;
  const server = await startScriptedServer(async (_, response) => {
    underWay += 1;
    most = Math.max(most, underWay);
    await new Promise((resolve) => setTimeout(resolve, 5));
    underWay -= 1;
    sendJson(response, 200, { metadata: { name: 'agent' }, data: { token: Buffer.from('known').toString('base64') } });
  });
  open.push(server.close);
  const secrets = new EmulatorSecrets(new KubeClient(server.connection), Buffer.alloc, () => 0);
  const owners = Array.from({ length: 100 }, (_, index) => ({ ...OWNER, uid: `emulator-${index}` }));
  const tokens = await Promise.all(owners.map((owner) => secrets.token(owner, false)));
  expect(new Set(tokens)).toEqual(new Set(['known']));
  expect(server.requests).toHaveLength(100);
  expect(most).toBe(16);
});
