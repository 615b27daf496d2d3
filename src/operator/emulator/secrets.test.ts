import { afterEach, expect, test } from 'vitest';
import { KubeClient } from '../../kube/client.ts';
import { sendFailure, sendJson, startScriptedServer } from '../../kube/scripted-server.ts';
import { emulator } from './observed.fixture.ts';
import { EmulatorSecrets } from './secrets.ts';

const OWNER = { name: 'classroom', namespace: 'school', uid: 'emulator-uid' };
const { spec } = emulator();
const open: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const close of open.splice(0)) await close();
});

/** An API server that has these Secrets and takes others. */
async function setUp(there: Readonly<Record<string, { controllerUid?: string; token?: string }>>) {
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
    const data = { token: Buffer.from(token).toString('base64') };
    return sendJson(response, 200, { metadata: { name, namespace: 'school', ownerReferences }, data });
  });
  open.push(server.close);
  return { server, secrets: new EmulatorSecrets(new KubeClient(server.connection), (size) => Buffer.alloc(size, 7)) };
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
