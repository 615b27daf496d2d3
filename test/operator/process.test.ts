import http from 'node:http';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { OPERATOR_NAMESPACE } from '../../scripts/install.ts';
import { Ground, type RunningOperator } from './support/ground.ts';

let ground: Ground;

beforeAll(async () => {
  ground = await Ground.open('check-process');
  await ground.createNamespace('school');
});
afterAll(() => ground?.close());

// What a test that failed has left would let the next ones fail too.
afterEach(async () => {
  await ground.end();
  await ground.cluster.component('kube-apiserver').resume();
  await ground.cluster.component('kube-apiserver').start();
});

async function lease(): Promise<{ holderIdentity: string; acquireTime: string; renewTime: string }> {
  return JSON.parse(
    await ground.kubectl(['-n', OPERATOR_NAMESPACE, 'get', 'lease', 'loco-operator', '-o', 'jsonpath={.spec}']),
  );
}

const says = (operator: RunningOperator, text: string): Promise<unknown> =>
  expect.poll(async () => (await operator.log()).map(({ msg }) => msg).join('\n'), { timeout: 60_000 }).toContain(text);

const readyz = async (): Promise<string> => {
  const response = await ground.ask('/readyz').catch(() => undefined);
  return response === undefined ? 'no answer' : `${response.status} ${(await response.text()).trim()}`;
};

async function end(operator: RunningOperator): Promise<void> {
  operator.signal('SIGTERM');
  expect(await operator.ended).toEqual({ code: 0, signal: null });
}

test('it goes on when the API server was away, and ends for nothing but a signal; then it gives the Lease back', async () => {
  const operator = await ground.start({ name: 'patient' });
  await says(operator, 'leading');
  await ground.cluster.component('kube-apiserver').kill();
  await says(operator, 'the lease can not be renewed');
  await ground.cluster.component('kube-apiserver').start();
  await says(operator, 'the lease is renewed again');
  await ground.applyEmulator('school', 'after-outage', { storage: { mode: 'Ephemeral' } });
  await ground.ready('school', 'after-outage');
  await end(operator);
  expect((await lease()).holderIdentity).toBe('');
});

test('told to end while the API server is away, it gives up what can not be written and ends as it should', async () => {
  const operator = await ground.start({ name: 'cut-off' });
  await says(operator, 'leading');
  await ground.applyEmulator('school', 'cut-off', { storage: { mode: 'Ephemeral' } });
  await ground.cluster.component('kube-apiserver').kill();
  await end(operator);
  await ground.cluster.component('kube-apiserver').start();
});

test('one that is started again in the pod of one that was killed takes over before its lease has run out', async () => {
  const killed = await ground.start({ name: 'same-pod' });
  await says(killed, 'leading');
  killed.signal('SIGKILL');
  await killed.ended;
  const old = await lease();
  const next = await ground.start({ name: 'same-pod' });
  await expect.poll(async () => (await lease()).holderIdentity, { timeout: 30_000 }).not.toBe(old.holderIdentity);
  const waitedMs = Date.parse((await lease()).acquireTime) - Date.parse(old.renewTime);
  expect(waitedMs).toBeLessThan(12_000);
  await end(next);
});

test('a namespace that it may not look into holds up no other, and is served as soon as it may', async () => {
  const account = 'scoped';
  const bind = (namespace: string, ...role: string[]): Promise<string> =>
    ground.kubectl([
      ...['-n', namespace, 'create', 'rolebinding', account, ...role],
      `--serviceaccount=${OPERATOR_NAMESPACE}:${account}`,
    ]);
  await ground.kubectl(['-n', OPERATOR_NAMESPACE, 'create', 'serviceaccount', account]);
  await bind(OPERATOR_NAMESPACE, '--role=loco-operator-leader-election');
  await bind('school', '--clusterrole=loco-operator');
  const operator = await ground.start({ name: 'scoped', account, env: { LOCO_NAMESPACES: 'gone,school' } });
  await says(operator, 'the namespace is not served before it can be listed');
  await ground.applyEmulator('school', 'served', { storage: { mode: 'Ephemeral' } });
  await ground.ready('school', 'served');
  expect(await readyz()).toBe('200 ok');
  await ground.createNamespace('gone');
  await ground.applyEmulator('gone', 'later', { storage: { mode: 'Ephemeral' } });
  await bind('gone', '--clusterrole=loco-operator');
  await says(operator, 'the namespace is served from now on');
  await ground.ready('gone', 'later');
  await end(operator);
});

test.each([
  ['an error that nobody caught', 'throw new Error("nobody caught this")'],
  ['a promise that nobody waited for', 'void Promise.reject(new Error("nobody caught this"))'],
])('%s ends the process with one line that says so', async (name, code) => {
  // Not before the operator has begun to listen for such errors, and is at work.
  const program = `const timer = setInterval(() => {
    if (process.listenerCount('uncaughtException') === 0) return;
    clearInterval(timer);
    setTimeout(() => { ${code} }, 1000);
  }, 50);`;
  const url = `data:text/javascript,${encodeURIComponent(program)}`;
  const operator = await ground.start({ name: name.replaceAll(' ', '-'), nodeOptions: ['--import', url] });
  expect(await operator.ended).toEqual({ code: 1, signal: null });
  const fatal = (await operator.log()).filter(({ level }) => level !== 'info' && level !== 'warn');
  expect(fatal).toEqual([
    expect.objectContaining({ level: 'fatal', msg: 'unexpected error: nobody caught this', err: expect.anything() }),
  ]);
});

test('asked for traces, it sends a span for each pass with its requests', async () => {
  const received: string[] = [];
  const receiver = http.createServer((request, response) => {
    let body = '';
    request.on('data', (chunk) => {
      body += String(chunk);
    });
    request.on('end', () => {
      received.push(body);
      response.writeHead(200, { 'Content-Type': 'application/json' }).end('{}');
    });
  });
  await new Promise<void>((resolve) => {
    receiver.listen(0, ground.cluster.hostAddress, resolve);
  });
  try {
    const { port } = receiver.address() as { port: number };
    const env = { OTEL_EXPORTER_OTLP_ENDPOINT: `http://${ground.cluster.hostAddress}:${port}` };
    const operator = await ground.start({ name: 'traced', env });
    await says(operator, 'leading');
    await ground.applyEmulator('school', 'traced', { storage: { mode: 'Ephemeral' } });
    await ground.ready('school', 'traced');
    await end(operator);
    const all = received.join('\n');
    for (const text of [
      'reconcile emulator',
      'create statefulsets',
      'patch emulators/status',
      '"traced"',
      'loco-operator',
    ]) {
      expect(all).toContain(text);
    }
  } finally {
    receiver.close();
    receiver.closeAllConnections();
  }
});

test('it says what it waits for until its caches are filled, and shows its metrics', async () => {
  await ground.cluster.component('kube-apiserver').pause();
  const operator = await ground.start({ name: 'waiting' });
  try {
    await expect
      .poll(readyz, { timeout: 30_000 })
      .toMatch(/^503 waiting for emulators, .*pods.*persistentvolumeclaims/);
    expect((await ground.ask('/healthz')).status).toBe(200);
  } finally {
    await ground.cluster.component('kube-apiserver').resume();
  }
  await expect.poll(readyz, { timeout: 60_000 }).toBe('200 ok');
  await says(operator, 'leading');
  await ground.applyEmulator('school', 'first', { storage: { mode: 'Ephemeral' } });
  await ground.ready('school', 'first');
  const metrics = await ground.metrics();
  const value = (name: string, labels: Readonly<Record<string, string>>) =>
    metrics
      .get(name)
      ?.samples.find((sample) => Object.entries(labels).every(([key, text]) => sample.labels[key] === text))?.value;
  expect(value('leader_election_master_status', { name: 'loco-operator' })).toBe(1);
  expect(value('loco_cache_objects', { resource: 'emulators' })).toBeGreaterThan(0);
  expect(value('controller_runtime_reconcile_total', { controller: 'emulator', result: 'success' })).toBeGreaterThan(0);
  expect(value('rest_client_requests_total', { method: 'POST', code: '201' })).toBeGreaterThan(0);
  expect(value('reflector_watches_total', { name: 'pods' })).toBeGreaterThan(0);
  expect(metrics.has('nodejs_eventloop_lag_seconds')).toBe(true);
  // A leader is ready while it works, and it doesn't where its Lease can't be renewed.
  await ground.cluster.component('kube-apiserver').pause();
  try {
    await expect.poll(readyz, { timeout: 60_000 }).toMatch(/^503 leading, and waiting for the lease to be renewed/);
    expect((await ground.ask('/healthz')).status).toBe(200);
  } finally {
    await ground.cluster.component('kube-apiserver').resume();
  }
  await expect.poll(readyz, { timeout: 60_000 }).toBe('200 ok');
  await end(operator);
});
