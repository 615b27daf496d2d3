import { createPrivateKey, sign } from 'node:crypto';
import { copyFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openSimulatedCluster, type SimulatedCluster } from '../../scripts/cluster/simulated/index.ts';
import { KubeClient } from '../../src/kube/client.ts';
import { systemClock } from '../../src/kube/clock.ts';
import { openConnection } from '../../src/kube/connection.ts';
import { CredentialCache } from '../../src/kube/credentials.ts';
import type { KubeObject, Resource } from '../../src/kube/object.ts';
import { serviceAccount } from '../../src/kube/service-account.ts';
import { NAMESPACES, watchConfigMaps } from './watched.ts';

const SERVICE_ACCOUNTS: Resource = { group: '', version: 'v1', plural: 'serviceaccounts', kind: 'ServiceAccount' };
const BINDINGS: Resource = {
  group: 'rbac.authorization.k8s.io',
  version: 'v1',
  plural: 'clusterrolebindings',
  kind: 'ClusterRoleBinding',
};
const ACCOUNT = { namespace: 'default', name: 'tester' };

let cluster: SimulatedCluster;
let folder: string;
let uid: string;

beforeAll(async () => {
  cluster = await openSimulatedCluster('loco-kube-credentials', { parts: 'api' });
  folder = await mkdtemp(join(tmpdir(), 'loco-token-'));
  await copyFile(join(cluster.pki, 'ca.crt'), join(folder, 'ca.crt'));
  const client = new KubeClient(await openConnection(systemClock, cluster.kubeconfig));
  await client.create(NAMESPACES, { metadata: { name: ACCOUNT.namespace } });
  uid = (await client.post<KubeObject>(SERVICE_ACCOUNTS, { metadata: ACCOUNT })).metadata.uid ?? '';
  const binding: KubeObject & Record<string, unknown> = {
    metadata: { name: 'tester' },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'cluster-admin' },
    subjects: [{ kind: 'ServiceAccount', ...ACCOUNT }],
  };
  await client.create(BINDINGS, binding);
});

afterAll(async () => {
  await cluster?.down();
  if (folder !== undefined) await rm(folder, { recursive: true });
});

/** A token as the API server itself makes them, for any time. */
async function tokenUntil(expires: number): Promise<string> {
  const issuer = 'https://kubernetes.default.svc';
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  const claims = {
    iss: issuer,
    aud: [issuer],
    sub: `system:serviceaccount:${ACCOUNT.namespace}:${ACCOUNT.name}`,
    iat: expires - 3_600,
    nbf: expires - 3_600,
    exp: expires,
    'kubernetes.io': { namespace: ACCOUNT.namespace, serviceaccount: { name: ACCOUNT.name, uid } },
  };
  const text = `${part({ alg: 'ES256', typ: 'JWT' })}.${part(claims)}`;
  const key = createPrivateKey(await readFile(join(cluster.pki, 'service-account.key')));
  return `${text}.${sign('sha256', Buffer.from(text), { key, dsaEncoding: 'ieee-p1363' }).toString('base64url')}`;
}

async function openAsPod() {
  const server = new URL(cluster.server);
  const environment = { KUBERNETES_SERVICE_HOST: server.hostname, KUBERNETES_SERVICE_PORT: server.port };
  return CredentialCache.open(serviceAccount(environment, folder), systemClock);
}

const now = (): number => Math.floor(Date.now() / 1000);

test('a token that has expired is read again at once, and neither a request nor a watch is missed', async () => {
  await writeFile(join(folder, 'token'), await tokenUntil(now() - 600));
  const connection = await openAsPod();
  await writeFile(join(folder, 'token'), `${await tokenUntil(now() + 600)}\n`);
  const codes: number[] = [];
  const client = new KubeClient(connection, { observe: ({ code }) => codes.push(code) });
  expect(await client.get(NAMESPACES, '', 'default')).toMatchObject({ kind: 'Namespace' });
  expect(codes).toEqual([401, 200]);
  const { reflector, failures } = watchConfigMaps(connection, 'default', 'renewed');
  await reflector.synced;
  await reflector.stop();
  expect(failures).toEqual([]);
});

test('a token that stays expired is refused once a request, and taken as soon as there is a fresh one', async () => {
  await writeFile(join(folder, 'token'), await tokenUntil(now() - 600));
  const connection = await openAsPod();
  const codes: number[] = [];
  const client = new KubeClient(connection, { observe: ({ code }) => codes.push(code) });
  await expect(client.get(NAMESPACES, '', 'default')).rejects.toMatchObject({ code: 401, reason: 'Unauthorized' });
  expect(codes).toEqual([401]);
  await writeFile(join(folder, 'token'), await tokenUntil(now() + 600));
  await client.get(NAMESPACES, '', 'default');
  expect(codes).toEqual([401, 401, 200]);
});
