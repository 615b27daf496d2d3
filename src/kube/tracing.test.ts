import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { z } from 'zod';
import { ApiError } from './errors.ts';
import type { Tracer } from './tracer.ts';
import { openTracer, wantsTraces } from './tracing.ts';
import type { RequestObservation } from './transport.ts';

const valueSchema = z.object({ stringValue: z.string().optional(), intValue: z.coerce.number().optional() });
const attributesSchema = z.array(z.object({ key: z.string(), value: valueSchema }));
const spanSchema = z.object({
  traceId: z.string(),
  spanId: z.string(),
  parentSpanId: z.string().optional(),
  name: z.string(),
  startTimeUnixNano: z.coerce.bigint(),
  endTimeUnixNano: z.coerce.bigint(),
  attributes: attributesSchema,
  status: z.object({ code: z.number().optional(), message: z.string().optional() }),
});
const exportSchema = z.object({
  resourceSpans: z.array(
    z.object({
      resource: z.object({ attributes: attributesSchema }),
      scopeSpans: z.array(z.object({ spans: z.array(spanSchema) })),
    }),
  ),
});

const ERROR = 2;

/** A receiver of traces over OTLP/HTTP, as small as one can be. */
async function startReceiver(code = 200) {
  const received: z.infer<typeof exportSchema>[] = [];
  const server = http.createServer((request, response) => {
    let body = '';
    request.on('data', (chunk) => {
      body += String(chunk);
    });
    request.on('end', () => {
      if (request.url === '/v1/traces') received.push(exportSchema.parse(JSON.parse(body)));
      response.writeHead(code, { 'Content-Type': 'application/json' }).end('{}');
    });
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const { port } = server.address() as AddressInfo;
  return {
    endpoint: `http://127.0.0.1:${port}`,
    spans: () =>
      received.flatMap(({ resourceSpans }) =>
        resourceSpans.flatMap(({ scopeSpans }) => scopeSpans.flatMap(({ spans }) => spans)),
      ),
    resource: () => attributes(received[0]?.resourceSpans[0]?.resource.attributes ?? []),
    close: () =>
      new Promise((resolve) => {
        server.close(resolve);
        server.closeAllConnections();
      }),
  };
}

function attributes(list: z.infer<typeof attributesSchema>): Record<string, string | number | undefined> {
  return Object.fromEntries(list.map(({ key, value }) => [key, value.stringValue ?? value.intValue]));
}

let receiver: Awaited<ReturnType<typeof startReceiver>>;
let problems: string[];

beforeEach(async () => {
  receiver = await startReceiver();
  problems = [];
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await receiver.close();
});

async function open(endpoint = receiver.endpoint): Promise<Tracer> {
  vi.stubEnv('OTEL_EXPORTER_OTLP_ENDPOINT', endpoint);
  const onProblem = (message: string) => problems.push(message);
  const tracer = await openTracer(process.env, {
    name: 'loco-operator',
    version: '1.2.3',
    instance: 'pod-1',
    onProblem,
  });
  if (tracer === undefined) throw new Error('no tracer');
  return tracer;
}

function request(more: Partial<RequestObservation> = {}): RequestObservation {
  return {
    verb: 'patch',
    method: 'PATCH',
    resource: 'emulators',
    subresource: 'status',
    namespace: 'school',
    name: 'classroom',
    code: 200,
    startedAt: performance.now() - 5,
    seconds: 0.005,
    ...more,
  };
}

test('a pass is a span with its object and outcome, and each of its requests is a child', async () => {
  const tracer = await open();
  await tracer.pass('emulator', 'school/classroom', async () => {
    await Promise.resolve();
    tracer.request(request());
    tracer.request(
      request({ verb: 'create', method: 'POST', resource: 'services', subresource: undefined, code: 409 }),
    );
    return { outcome: 'Done' };
  });
  await tracer.close();
  const [patch, create, pass] = receiver.spans();
  expect(pass).toMatchObject({ name: 'reconcile emulator', status: {} });
  expect(attributes(pass?.attributes ?? [])).toEqual({
    controller: 'emulator',
    'k8s.namespace.name': 'school',
    'k8s.object.name': 'classroom',
    outcome: 'Done',
  });
  expect(patch).toMatchObject({ name: 'patch emulators/status', parentSpanId: pass?.spanId, traceId: pass?.traceId });
  expect(attributes(patch?.attributes ?? [])).toMatchObject({
    'http.response.status_code': 200,
    'http.request.method': 'PATCH',
  });
  expect(create).toMatchObject({ name: 'create services', parentSpanId: pass?.spanId, status: { code: ERROR } });
  const took = (patch?.endTimeUnixNano ?? 0n) - (patch?.startTimeUnixNano ?? 0n);
  expect(Number(took) / 1e6).toBeCloseTo(5, 1);
  expect(receiver.resource()).toMatchObject({ 'service.name': 'loco-operator', 'service.version': '1.2.3' });
});

test('passes at the same time have traces of their own', async () => {
  const tracer = await open();
  const turn = Promise.withResolvers<void>();
  const pass = (name: string) =>
    tracer.pass('emulator', `school/${name}`, async () => {
      await turn.promise;
      tracer.request(request({ name }));
      return { outcome: 'Done' };
    });
  const both = [pass('a'), pass('b')];
  turn.resolve();
  await Promise.all(both);
  await tracer.close();
  const spans = receiver.spans();
  for (const name of ['a', 'b']) {
    const own = spans.filter((span) => attributes(span.attributes)['k8s.object.name'] === name);
    expect(own).toHaveLength(2);
    expect(new Set(own.map(({ traceId }) => traceId)).size).toBe(1);
  }
  expect(new Set(spans.map(({ traceId }) => traceId)).size).toBe(2);
});

test('a pass that fails is a span that failed, with the API server’s reason, and the failure goes on', async () => {
  const tracer = await open();
  const failing = tracer.pass('emulator', 'school/classroom', async () => {
    throw new ApiError(409, 'Conflict', 'somebody was faster');
  });
  await expect(failing).rejects.toThrow('somebody was faster');
  await tracer.pass('emulator', 'school/wrong', async () => ({ outcome: 'Terminal', error: new Error('no') }));
  await tracer.close();
  const [failed, terminal] = receiver.spans();
  expect(failed?.status).toEqual({ code: ERROR, message: 'somebody was faster' });
  expect(attributes(failed?.attributes ?? [])).toMatchObject({ outcome: 'Failed', 'error.type': 'Conflict' });
  expect(attributes(terminal?.attributes ?? [])).toMatchObject({ outcome: 'Terminal' });
});

test('a request outside of a pass has no span', async () => {
  const tracer = await open();
  tracer.request(request({ verb: 'watch' }));
  await tracer.close();
  expect(receiver.spans()).toEqual([]);
});

test('a request of what a pass began and did not wait for has no span', async () => {
  const tracer = await open();
  const turn = Promise.withResolvers<void>();
  let background: Promise<void> | undefined;
  await tracer.pass('emulator', 'school/classroom', async () => {
    background = turn.promise.then(() => tracer.request(request({ resource: 'events' })));
    return { outcome: 'Done' };
  });
  turn.resolve();
  await background;
  await tracer.close();
  expect(receiver.spans().map(({ name }) => name)).toEqual(['reconcile emulator']);
});

test('a receiver that refuses is told of, and nothing else happens', async () => {
  await receiver.close();
  receiver = await startReceiver(400);
  const tracer = await open();
  await tracer.pass('emulator', 'school/classroom', async () => ({ outcome: 'Done' }));
  await tracer.close();
  expect(problems.length).toBeGreaterThan(0);
});

test.each([
  [{}, false],
  [{ OTEL_EXPORTER_OTLP_ENDPOINT: '' }, false],
  [{ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://tempo:4318' }, true],
  [{ OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'http://tempo:4318/v1/traces' }, true],
  [{ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://tempo:4318', OTEL_SDK_DISABLED: 'true' }, false],
  [{ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://tempo:4318', OTEL_TRACES_EXPORTER: 'none' }, false],
])('%j asks for traces: %s', async (environment, wanted) => {
  expect(wantsTraces(environment)).toBe(wanted);
  if (wanted) return;
  const service = { name: 'n', version: 'v', instance: 'i', onProblem: () => undefined };
  expect(await openTracer(environment, service)).toBeUndefined();
});
