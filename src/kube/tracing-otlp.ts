import { AsyncLocalStorage } from 'node:async_hooks';
import {
  type Attributes,
  DiagLogLevel,
  diag,
  type Tracer as OtelTracer,
  ROOT_CONTEXT,
  type Span,
  SpanKind,
  SpanStatusCode,
  trace,
} from '@opentelemetry/api';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { defaultResource, detectResources, envDetector, resourceFromAttributes } from '@opentelemetry/resources';
import { BatchSpanProcessor, TracerProvider } from '@opentelemetry/sdk-trace';
import { ApiError, errorMessage } from './errors.ts';
import type { TracedService, Tracer } from './tracer.ts';
import type { RequestObservation } from './transport.ts';
import type { WorkResult } from './work-queue.ts';

/** A receiver that isn't there must not keep a process from ending. */
const LAST_WORDS_MS = 2_000;

/**
 * Traces sent in batches over OTLP/HTTP. Loaded by `tracing.ts` and by nobody else: the packages behind it cost
 * memory and start time.
 */
export class OtlpTracer implements Tracer {
  readonly #provider: TracerProvider;
  readonly #tracer: OtelTracer;
  /**
   * The span of the pass in which something happens. What a pass begins and doesn't wait for keeps its context for as
   * long as it runs, a line to a machine for days: so the span is taken out when the pass ends.
   */
  readonly #passes = new AsyncLocalStorage<{ span: Span | undefined }>();

  readonly #onProblem: (message: string) => void;

  constructor({ name, version, instance, onProblem }: TracedService) {
    this.#onProblem = onProblem;
    tellProblems(onProblem);
    const own = { 'service.name': name, 'service.version': version, 'service.instance.id': instance };
    const resource = defaultResource()
      .merge(resourceFromAttributes(own))
      .merge(detectResources({ detectors: [envDetector] }));
    const exporter = new OTLPTraceExporter();
    this.#provider = new TracerProvider({ resource, spanProcessors: [new BatchSpanProcessor({ exporter })] });
    this.#tracer = this.#provider.getTracer('loco-operator/kube', version);
  }

  pass(controller: string, key: string, work: () => Promise<WorkResult>): Promise<WorkResult> {
    const slash = key.indexOf('/');
    const attributes = {
      controller,
      'k8s.namespace.name': key.slice(0, slash),
      'k8s.object.name': key.slice(slash + 1),
    };
    const span = this.#tracer.startSpan(`reconcile ${controller}`, { attributes }, ROOT_CONTEXT);
    const pass: { span: Span | undefined } = { span };
    return this.#passes.run(pass, async () => {
      try {
        const result = await work();
        span.setAttribute('outcome', result.outcome);
        if (result.outcome === 'Terminal') fail(span, result.error);
        return result;
      } catch (error) {
        span.setAttribute('outcome', 'Failed');
        fail(span, error);
        throw error;
      } finally {
        pass.span = undefined;
        span.end();
      }
    });
  }

  request(request: RequestObservation): void {
    const pass = this.#passes.getStore()?.span;
    if (pass === undefined) return;
    const { verb, resource, subresource, code, startedAt, seconds } = request;
    const path = subresource === undefined ? resource : `${resource}/${subresource}`;
    const startTime = performance.timeOrigin + startedAt;
    const options = { kind: SpanKind.CLIENT, startTime, attributes: requestAttributes(request) };
    const span = this.#tracer.startSpan(`${verb} ${path}`, options, trace.setSpan(ROOT_CONTEXT, pass));
    if (code === 0 || code >= 400) span.setStatus({ code: SpanStatusCode.ERROR });
    span.end(startTime + seconds * 1000);
  }

  async close(): Promise<void> {
    try {
      await this.#provider.forceFlush({ timeoutMillis: LAST_WORDS_MS });
    } catch (error) {
      this.#onProblem(errorMessage(error));
    }
  }
}

function requestAttributes({ method, namespace, name, code }: RequestObservation): Attributes {
  return {
    'http.request.method': method,
    ...(namespace === undefined || namespace === '' ? {} : { 'k8s.namespace.name': namespace }),
    ...(name === undefined ? {} : { 'k8s.object.name': name }),
    ...(code === 0 ? { 'error.type': 'no answer' } : { 'http.response.status_code': code }),
  };
}

function fail(span: Span, error: unknown): void {
  span.setStatus({ code: SpanStatusCode.ERROR, message: errorMessage(error) });
  span.setAttribute('error.type', error instanceof ApiError ? error.reason : 'Error');
}

/** OpenTelemetry keeps its troubles to itself unless somebody asks. */
function tellProblems(onProblem: (message: string) => void): void {
  const tell = (message: string, ...more: unknown[]): void => onProblem([message, ...more.map(errorMessage)].join(' '));
  const nothing = (): void => undefined;
  diag.setLogger({ error: tell, warn: tell, info: nothing, debug: nothing, verbose: nothing }, DiagLogLevel.WARN);
}
