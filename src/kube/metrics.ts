import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type { ObserveRequest } from './transport.ts';
import type { WorkObserver, WorkResult } from './work-queue.ts';

/** Names and labels are controller-runtime's and client-go's, so that existing dashboards and alerts work. */
export class OperatorMetrics {
  readonly registry = new Registry();
  readonly #requests: Counter<'code' | 'method' | 'host'>;
  readonly #requestSeconds: Histogram<'method'>;
  readonly #reconciles: Counter<'controller' | 'result'>;
  readonly #errors: Counter<'controller'>;
  readonly #terminal: Counter<'controller'>;
  readonly #seconds: Histogram<'controller'>;
  readonly #active: Gauge<'controller'>;
  readonly #depth: Gauge<'name'>;
  readonly #adds: Counter<'name'>;
  readonly #retries: Counter<'name'>;
  readonly #waited: Histogram<'name'>;
  readonly #worked: Histogram<'name'>;

  constructor() {
    const registers = [this.registry];
    collectDefaultMetrics({ register: this.registry });
    const counter = <L extends string>(name: string, help: string, labelNames: readonly L[]): Counter<L> =>
      new Counter({ name, help, labelNames, registers });
    const gauge = <L extends string>(name: string, help: string, labelNames: readonly L[]): Gauge<L> =>
      new Gauge({ name, help, labelNames, registers });
    const buckets = [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10, 30, 60];
    const histogram = <L extends string>(name: string, help: string, labelNames: readonly L[]): Histogram<L> =>
      new Histogram({ name, help, labelNames, buckets, registers });
    this.#requests = counter('rest_client_requests_total', 'Requests to the API server by answer (code 0: none)', [
      'code',
      'method',
      'host',
    ]);
    this.#requestSeconds = histogram('rest_client_request_duration_seconds', 'Time to the beginning of the answer', [
      'method',
    ]);
    this.#reconciles = counter('controller_runtime_reconcile_total', 'Passes by result', ['controller', 'result']);
    this.#errors = counter('controller_runtime_reconcile_errors_total', 'Passes that failed', ['controller']);
    this.#terminal = counter('controller_runtime_terminal_reconcile_errors_total', 'Passes that failed for good', [
      'controller',
    ]);
    this.#seconds = histogram('controller_runtime_reconcile_time_seconds', 'Duration of a pass', ['controller']);
    this.#active = gauge('controller_runtime_active_workers', 'Passes at work now', ['controller']);
    this.#depth = gauge('workqueue_depth', 'Keys that wait', ['name']);
    this.#adds = counter('workqueue_adds_total', 'Keys added', ['name']);
    this.#retries = counter('workqueue_retries_total', 'Keys added again after a failure', ['name']);
    this.#waited = histogram('workqueue_queue_duration_seconds', 'Time a key waited', ['name']);
    this.#worked = histogram('workqueue_work_duration_seconds', 'Time a key was worked on', ['name']);
  }

  /** Observer of all requests to the API server at `host`. */
  requests(host: string): ObserveRequest {
    return ({ method, code, seconds }) => {
      this.#requests.inc({ method, code: String(code), host });
      this.#requestSeconds.observe({ method }, seconds);
    };
  }

  /** Observer of a controller's queue. */
  queue(controller: string): WorkObserver {
    const name = controller;
    return {
      added: (depth) => {
        this.#adds.inc({ name });
        this.#depth.set({ name }, depth);
      },
      started: (_key, waitedMs, depth) => {
        this.#depth.set({ name }, depth);
        this.#waited.observe({ name }, waitedMs / 1000);
        this.#active.inc({ controller });
      },
      finished: (_key, tookMs, result) => {
        this.#active.dec({ controller });
        this.#worked.observe({ name }, tookMs / 1000);
        this.#seconds.observe({ controller }, tookMs / 1000);
        this.#reconciles.inc({ controller, result: RESULT_LABELS[result.outcome] });
        if (result.outcome === 'Failed') {
          this.#errors.inc({ controller });
          this.#retries.inc({ name });
        }
        if (result.outcome === 'Terminal') this.#terminal.inc({ controller });
      },
    };
  }

  /** Shows how many objects a cache holds, asked at each scrape. */
  cacheSize(resource: string, size: () => number): void {
    const existing = this.registry.getSingleMetric('loco_cache_objects');
    const gauge =
      existing instanceof Gauge
        ? existing
        : new Gauge({
            name: 'loco_cache_objects',
            help: 'Objects in a cache',
            labelNames: ['resource'],
            registers: [this.registry],
          });
    const collect = (): void => gauge.set({ resource }, size());
    this.#collectors.push(collect);
  }

  readonly #collectors: (() => void)[] = [];

  /** The exposition text of all metrics. */
  async text(): Promise<string> {
    for (const collect of this.#collectors) collect();
    return this.registry.metrics();
  }
}

const RESULT_LABELS: Readonly<Record<WorkResult['outcome'] | 'Failed', string>> = {
  Done: 'success',
  Again: 'requeue_after',
  Terminal: 'error',
  Failed: 'error',
};
