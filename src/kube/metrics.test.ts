import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { type Family, parseExposition } from './exposition.fixture.ts';
import { OperatorMetrics } from './metrics.ts';

/**
 * What controller-runtime's documentation (https://book.kubebuilder.io/reference/metrics-reference) says that every
 * controller shows, with the labels, as of its release 0.22; a dashboard made for it asks for these.
 */
const CONTROLLER_RUNTIME: Readonly<Record<string, readonly string[]>> = {
  workqueue_depth: ['controller', 'name'],
  workqueue_adds_total: ['controller', 'name'],
  workqueue_queue_duration_seconds: ['controller', 'name'],
  workqueue_work_duration_seconds: ['controller', 'name'],
  workqueue_unfinished_work_seconds: ['controller', 'name'],
  workqueue_longest_running_processor_seconds: ['controller', 'name'],
  workqueue_retries_total: ['controller', 'name'],
  rest_client_requests_total: ['code', 'host', 'method'],
  controller_runtime_reconcile_total: ['controller', 'result'],
  controller_runtime_reconcile_errors_total: ['controller'],
  controller_runtime_terminal_reconcile_errors_total: ['controller'],
  controller_runtime_reconcile_panics_total: ['controller'],
  controller_runtime_reconcile_time_seconds: ['controller'],
  controller_runtime_max_concurrent_reconciles: ['controller'],
  controller_runtime_active_workers: ['controller'],
  leader_election_master_status: ['name'],
};

const lag = 'nodejs_eventloop_lag_seconds';

async function scrape(metrics: OperatorMetrics): Promise<Map<string, Family>> {
  return parseExposition(await metrics.text());
}

function value(
  families: Map<string, Family>,
  name: string,
  labels: Readonly<Record<string, string>>,
): number | undefined {
  const family = families.get(name.replace(/_(bucket|sum|count)$/, '')) ?? families.get(name);
  return family?.samples.find(
    (sample) => sample.name === name && Object.entries(labels).every(([key, text]) => sample.labels[key] === text),
  )?.value;
}

test('everything that a dashboard for controller-runtime asks for is there, with its labels', async () => {
  const metrics = new OperatorMetrics();
  metrics.queue('emulator', 8);
  metrics.requests('api.example.com:6443')({ method: 'GET', code: 200, seconds: 0.01 });
  metrics.leading('loco-operator', true);
  const families = await scrape(metrics);
  for (const [name, labels] of Object.entries(CONTROLLER_RUNTIME)) {
    const found = families.get(name)?.samples.map((sample) =>
      Object.keys(sample.labels)
        .filter((label) => label !== 'le')
        .sort(),
    );
    expect(found?.[0], name).toEqual(labels);
  }
  for (const name of [
    'rest_client_request_duration_seconds',
    lag,
    'process_resident_memory_bytes',
    'process_cpu_seconds_total',
  ]) {
    expect(families.has(name), name).toBe(true);
  }
});

test('the page about metrics names none that is not there', async () => {
  const metrics = new OperatorMetrics();
  metrics.queue('emulator', 8);
  // The operator's own, beside what every controller shows.
  metrics.counts({ name: 'loco_emulators', help: 'Emulators', labels: ['condition'], read: () => [] });
  const families = await scrape(metrics);
  const page = readFileSync(new URL('../../docs/reference/operator-metrics.md', import.meta.url), 'utf8');
  const named = [...page.matchAll(/^\| `(\w+)`/gm)].map(([, name = '']) => name);
  expect(named).toEqual(expect.arrayContaining(Object.keys(CONTROLLER_RUNTIME)));
  expect(named.filter((name) => !families.has(name))).toEqual([]);
});

test('durations have the bounds that controller-runtime and client-go count in', async () => {
  const metrics = new OperatorMetrics();
  metrics.queue('emulator', 8);
  metrics.requests('api')({ method: 'GET', code: 200, seconds: 0.01 });
  const families = await scrape(metrics);
  const bounds = (name: string) => families.get(name)?.samples.flatMap(({ labels: { le } }) => le ?? []);
  expect(bounds('controller_runtime_reconcile_time_seconds')).toHaveLength(41);
  expect(bounds('workqueue_queue_duration_seconds')).toEqual(
    expect.arrayContaining(['1e-8', '0.001', '1', '1000', '+Inf']),
  );
  expect(bounds('rest_client_request_duration_seconds')).toEqual([
    '0.005',
    '0.025',
    '0.1',
    '0.25',
    '0.5',
    '1',
    '2',
    '4',
    '8',
    '15',
    '30',
    '60',
    '+Inf',
  ]);
});

test('a controller is there with zeros before it has done anything', async () => {
  const metrics = new OperatorMetrics();
  metrics.queue('emulator', 8);
  const families = await scrape(metrics);
  for (const result of ['success', 'requeue_after', 'error']) {
    expect(value(families, 'controller_runtime_reconcile_total', { controller: 'emulator', result })).toBe(0);
  }
  expect(value(families, 'controller_runtime_reconcile_errors_total', { controller: 'emulator' })).toBe(0);
  expect(value(families, 'controller_runtime_max_concurrent_reconciles', { controller: 'emulator' })).toBe(8);
  expect(value(families, 'workqueue_work_duration_seconds_count', { name: 'emulator' })).toBe(0);
});

test('passes are counted as controller-runtime counts them', async () => {
  const metrics = new OperatorMetrics();
  const queue = metrics.queue('emulator', 8);
  const pass = (result: Parameters<typeof queue.finished>[2]) => {
    queue.added(1);
    queue.started('school/classroom', 20, 0);
    queue.finished('school/classroom', 70, result);
  };
  pass({ outcome: 'Done' });
  pass({ outcome: 'Again', afterMs: 1 });
  pass({ outcome: 'Terminal', error: new Error('no') });
  pass({ outcome: 'Failed', error: new Error('later'), retryInMs: 50 });
  pass({ outcome: 'Failed', error: new TypeError('a mistake'), retryInMs: 50 });
  const families = await scrape(metrics);
  const of = (name: string, labels = {}) => value(families, name, { controller: 'emulator', ...labels });
  expect(of('controller_runtime_reconcile_total', { result: 'success' })).toBe(1);
  expect(of('controller_runtime_reconcile_total', { result: 'requeue_after' })).toBe(1);
  expect(of('controller_runtime_reconcile_total', { result: 'error' })).toBe(3);
  expect(of('controller_runtime_reconcile_errors_total')).toBe(3);
  expect(of('controller_runtime_terminal_reconcile_errors_total')).toBe(1);
  expect(of('controller_runtime_reconcile_panics_total')).toBe(1);
  expect(of('workqueue_retries_total')).toBe(3);
  expect(of('workqueue_adds_total')).toBe(5);
  expect(of('controller_runtime_active_workers')).toBe(0);
  expect(of('controller_runtime_reconcile_time_seconds_bucket', { le: '0.1' })).toBe(5);
  expect(of('workqueue_queue_duration_seconds_bucket', { le: '0.1' })).toBe(5);
});

test('a pass that hangs shows while it does', async () => {
  const metrics = new OperatorMetrics();
  const queue = metrics.queue('emulator', 8);
  queue.started('school/classroom', 0, 0);
  const during = await scrape(metrics);
  expect(value(during, 'controller_runtime_active_workers', {})).toBe(1);
  expect(value(during, 'workqueue_unfinished_work_seconds', {})).toBeGreaterThan(0);
  expect(value(during, 'workqueue_longest_running_processor_seconds', {})).toBeGreaterThan(0);
  queue.finished('school/classroom', 1, { outcome: 'Done' });
  expect(value(await scrape(metrics), 'workqueue_longest_running_processor_seconds', {})).toBe(0);
});

test('a request without an answer is counted as client-go does, caches by their kind, and who leads', async () => {
  const metrics = new OperatorMetrics();
  metrics.requests('api')({ method: 'PATCH', code: 0, seconds: 15 });
  metrics.cacheAsks('pods', 'List');
  metrics.cacheAsks('pods', 'Stream');
  metrics.cacheAsks('pods', 'Watch');
  metrics.cacheSize('pods', () => 7);
  metrics.leading('loco-operator', true);
  metrics.leading('loco-operator', false);
  const families = await scrape(metrics);
  expect(value(families, 'rest_client_requests_total', { code: '<error>', method: 'PATCH', host: 'api' })).toBe(1);
  expect(value(families, 'rest_client_request_duration_seconds_count', { verb: 'PATCH', host: 'api' })).toBe(1);
  expect(value(families, 'reflector_lists_total', { name: 'pods' })).toBe(2);
  expect(value(families, 'reflector_watches_total', { name: 'pods' })).toBe(2);
  expect(value(families, 'loco_cache_objects', { resource: 'pods' })).toBe(7);
  expect(value(families, 'leader_election_master_status', { name: 'loco-operator' })).toBe(0);
});

test.each([
  ['a sample without its family', 'a_total 1\n'],
  ['a type without help', '# TYPE a counter\na 1\n'],
  ['a series that comes twice', '# HELP a x\n# TYPE a counter\na{b="c"} 1\na{b="c"} 2\n'],
  ['a label that is not closed', '# HELP a x\n# TYPE a counter\na{b="c} 1\n'],
  ['a value that is none', '# HELP a x\n# TYPE a counter\na one\n'],
  ['a histogram without its last bucket', '# HELP a x\n# TYPE a histogram\na_bucket{le="1"} 1\na_sum 1\na_count 1\n'],
])('the parser of these tests refuses %s', (_, text) => {
  expect(() => parseExposition(text)).toThrow();
});

test('what is counted at a scrape is shown as it is then: what is there no longer has no series', async () => {
  const metrics = new OperatorMetrics();
  let colours = ['red', 'red', 'blue'];
  metrics.counts({
    name: 'loco_things',
    help: 'Things by colour',
    labels: ['colour'],
    read: () =>
      [...new Set(colours)].map((colour) => ({
        labels: { colour },
        value: colours.filter((other) => other === colour).length,
      })),
  });
  const shown = async () =>
    (await scrape(metrics)).get('loco_things')?.samples.map(({ labels, value: n }) => [labels, n]);
  expect(await shown()).toEqual([
    [{ colour: 'red' }, 2],
    [{ colour: 'blue' }, 1],
  ]);
  colours = ['blue'];
  expect(await shown()).toEqual([[{ colour: 'blue' }, 1]]);
});
