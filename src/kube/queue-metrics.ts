import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import type { WorkFailure, WorkObserver, WorkResult } from './work-queue.ts';

/** controller-runtime's bounds for the duration of a pass, in seconds. */
const PASS_BUCKETS = [
  0.005, 0.01, 0.025, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5, 0.6, 0.7, 0.8, 0.9, 1, 1.25, 1.5, 1.75, 2,
  2.5, 3, 3.5, 4, 4.5, 5, 6, 7, 8, 9, 10, 15, 20, 25, 30, 40, 50, 60,
];
/** client-go's bounds for a key's time in the queue and in work: ten nanoseconds to a thousand seconds. */
const QUEUE_BUCKETS = [1e-8, 1e-7, 1e-6, 1e-5, 1e-4, 1e-3, 0.01, 0.1, 1, 10, 100, 1000];

/** How controller-runtime calls the outcomes of a pass. */
const RESULTS: Readonly<Record<(WorkResult | WorkFailure)['outcome'], string>> = {
  Done: 'success',
  Again: 'requeue_after',
  Terminal: 'error',
  Failed: 'error',
};

/** In Go these would be panics: mistakes in the program, which no API server's answer brings about. */
const MISTAKES = [TypeError, ReferenceError, RangeError];

/** The metrics of controllers and their queues, with controller-runtime's names. */
export class QueueMetrics {
  readonly #reconciles: Counter<'controller' | 'result'>;
  readonly #errors: Counter<'controller'>;
  readonly #terminal: Counter<'controller'>;
  readonly #panics: Counter<'controller'>;
  readonly #seconds: Histogram<'controller'>;
  readonly #max: Gauge<'controller'>;
  readonly #active: Gauge<'controller'>;
  readonly #depth: Gauge<'name' | 'controller'>;
  readonly #adds: Counter<'name' | 'controller'>;
  readonly #retries: Counter<'name' | 'controller'>;
  readonly #waited: Histogram<'name' | 'controller'>;
  readonly #worked: Histogram<'name' | 'controller'>;
  readonly #unfinished: Gauge<'name' | 'controller'>;
  readonly #longest: Gauge<'name' | 'controller'>;

  constructor(registry: Registry) {
    const registers = [registry];
    const ofController = (name: string, help: string) => ({
      name: `controller_runtime_${name}`,
      help,
      labelNames: ['controller'] as const,
      registers,
    });
    const ofQueue = (name: string, help: string) => ({
      name: `workqueue_${name}`,
      help,
      labelNames: ['name', 'controller'] as const,
      registers,
    });
    this.#reconciles = new Counter({
      ...ofController('reconcile_total', 'Passes by result'),
      labelNames: ['controller', 'result'],
    });
    this.#errors = new Counter(ofController('reconcile_errors_total', 'Passes that failed'));
    this.#terminal = new Counter(ofController('terminal_reconcile_errors_total', 'Passes that failed for good'));
    this.#panics = new Counter(
      ofController('reconcile_panics_total', 'Passes that failed by a mistake in the program'),
    );
    this.#seconds = new Histogram({
      ...ofController('reconcile_time_seconds', 'Seconds of a pass'),
      buckets: PASS_BUCKETS,
    });
    this.#max = new Gauge(ofController('max_concurrent_reconciles', 'Passes that may be at work at a time'));
    this.#active = new Gauge(ofController('active_workers', 'Passes at work now'));
    this.#depth = new Gauge(ofQueue('depth', 'Keys that wait'));
    this.#adds = new Counter(ofQueue('adds_total', 'Keys added'));
    this.#retries = new Counter(ofQueue('retries_total', 'Keys to be added again after a while'));
    this.#waited = new Histogram({
      ...ofQueue('queue_duration_seconds', 'Seconds a key waited'),
      buckets: QUEUE_BUCKETS,
    });
    this.#worked = new Histogram({
      ...ofQueue('work_duration_seconds', 'Seconds a key was worked on'),
      buckets: QUEUE_BUCKETS,
    });
    this.#unfinished = new Gauge(ofQueue('unfinished_work_seconds', 'Seconds of the passes at work now, added up'));
    this.#longest = new Gauge(ofQueue('longest_running_processor_seconds', 'Seconds of the longest pass at work now'));
  }

  /** Observer of one controller's queue, and what brings the gauges of passes at work up to date before a scrape. */
  of(controller: string, workers: number): { readonly observer: WorkObserver; readonly collect: () => void } {
    const queue = { name: controller, controller };
    const startedAt = new Map<string, number>();
    this.#begin(controller, workers);
    const observer: WorkObserver = {
      added: (depth) => {
        this.#adds.inc(queue);
        this.#depth.set(queue, depth);
      },
      started: (key, waitedMs, depth) => {
        startedAt.set(key, performance.now());
        this.#depth.set(queue, depth);
        this.#waited.observe(queue, waitedMs / 1000);
        this.#active.inc({ controller });
      },
      finished: (key, tookMs, result) => {
        startedAt.delete(key);
        this.#active.dec({ controller });
        this.#worked.observe(queue, tookMs / 1000);
        this.#seconds.observe({ controller }, tookMs / 1000);
        this.#count(controller, result);
      },
    };
    return { observer, collect: () => this.#collect(queue, [...startedAt.values()]) };
  }

  #begin(controller: string, workers: number): void {
    const queue = { name: controller, controller };
    for (const result of new Set(Object.values(RESULTS))) this.#reconciles.inc({ controller, result }, 0);
    for (const counter of [this.#errors, this.#terminal, this.#panics]) counter.inc({ controller }, 0);
    for (const counter of [this.#adds, this.#retries]) counter.inc(queue, 0);
    for (const histogram of [this.#waited, this.#worked]) histogram.zero(queue);
    this.#seconds.zero({ controller });
    this.#depth.set(queue, 0);
    this.#active.set({ controller }, 0);
    this.#max.set({ controller }, workers);
  }

  #count(controller: string, result: WorkResult | WorkFailure): void {
    const { outcome } = result;
    this.#reconciles.inc({ controller, result: RESULTS[outcome] });
    if (outcome === 'Failed' || outcome === 'Again') this.#retries.inc({ name: controller, controller });
    if (outcome === 'Terminal') this.#terminal.inc({ controller });
    if (outcome !== 'Failed' && outcome !== 'Terminal') return;
    this.#errors.inc({ controller });
    if (MISTAKES.some((mistake) => result.error instanceof mistake)) this.#panics.inc({ controller });
  }

  #collect(queue: { name: string; controller: string }, startedAt: readonly number[]): void {
    const seconds = startedAt.map((at) => (performance.now() - at) / 1000);
    this.#unfinished.set(
      queue,
      seconds.reduce((sum, each) => sum + each, 0),
    );
    this.#longest.set(queue, Math.max(0, ...seconds));
  }
}
