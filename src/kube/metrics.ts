import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import { QueueMetrics } from './queue-metrics.ts';
import type { SessionKind } from './reflector.ts';
import type { RequestObservation } from './transport.ts';
import type { WorkObserver } from './work-queue.ts';

/** client-go's bounds for the duration of a request, in seconds. */
const REQUEST_BUCKETS = [0.005, 0.025, 0.1, 0.25, 0.5, 1, 2, 4, 8, 15, 30, 60];

/** The event loop's lag is looked at this often: a finer look would wake an idle process a hundred times a second. */
const LAG_PRECISION_MS = 100;

/**
 * What an operator shows at `/metrics`. Names, labels and bucket bounds are those of controller-runtime and client-go,
 * so that dashboards and alerts made for operators in Go work as they are; what those don't have begins with `loco_`,
 * and what Node adds (memory, the event loop's lag, garbage collection) with `nodejs_` and `process_`.
 *
 * Series of a controller are there from the start, at 0: an alert on a rate needs the value before the first failure.
 */
export class OperatorMetrics {
  readonly registry = new Registry();
  readonly #requests: Counter<'code' | 'method' | 'host'>;
  readonly #requestSeconds: Histogram<'verb' | 'host'>;
  readonly #leader: Gauge<'name'>;
  readonly #lists: Counter<'name'>;
  readonly #watches: Counter<'name'>;
  readonly #cached: Gauge<'resource'>;
  readonly #queues: QueueMetrics;
  readonly #collectors: (() => void)[] = [];

  constructor() {
    const registers = [this.registry];
    const about = <L extends string>(name: string, help: string, labelNames: readonly L[]) => ({
      name,
      help,
      labelNames,
      registers,
    });
    collectDefaultMetrics({ register: this.registry, eventLoopMonitoringPrecision: LAG_PRECISION_MS });
    this.#requests = new Counter(
      about('rest_client_requests_total', 'Requests to the API server by answer', ['code', 'method', 'host']),
    );
    this.#requestSeconds = new Histogram({
      ...about('rest_client_request_duration_seconds', 'Seconds until an answer began', ['verb', 'host']),
      buckets: REQUEST_BUCKETS,
    });
    this.#leader = new Gauge(about('leader_election_master_status', '1 while this process leads, else 0', ['name']));
    this.#lists = new Counter(about('reflector_lists_total', 'Lists that caches asked for', ['name']));
    this.#watches = new Counter(about('reflector_watches_total', 'Watches that caches began, each time', ['name']));
    this.#cached = new Gauge(about('loco_cache_objects', 'Objects in a cache', ['resource']));
    this.#queues = new QueueMetrics(this.registry);
  }

  /** Observer of all requests to the API server at `host`. */
  requests(host: string): (request: Pick<RequestObservation, 'method' | 'code' | 'seconds'>) => void {
    return ({ method, code, seconds }) => {
      this.#requests.inc({ method, code: code === 0 ? '<error>' : String(code), host });
      this.#requestSeconds.observe({ verb: method, host }, seconds);
    };
  }

  /** Observer of a controller's queue, of which at most `workers` keys are worked on at a time. */
  queue(controller: string, workers: number): WorkObserver {
    const { observer, collect } = this.#queues.of(controller, workers);
    this.#collectors.push(collect);
    return observer;
  }

  /** A cache asks for all there is, begins to watch, or both in one. */
  cacheAsks(resource: string, kind: SessionKind): void {
    if (kind !== 'Watch') this.#lists.inc({ name: resource });
    if (kind !== 'List') this.#watches.inc({ name: resource });
  }

  /** Shows how many objects a cache holds, asked at each scrape. */
  cacheSize(resource: string, size: () => number): void {
    this.#collectors.push(() => this.#cached.set({ resource }, size()));
  }

  /** Shows how many of something there are by labels, counted at each scrape; what isn't counted any more is gone. */
  counts<L extends string>(counted: {
    readonly name: string;
    readonly help: string;
    readonly labels: readonly L[];
    readonly read: () => readonly { readonly labels: Readonly<Record<L, string>>; readonly value: number }[];
  }): void {
    const { name, help, labels: labelNames, read } = counted;
    const gauge = new Gauge<L>({ name, help, labelNames, registers: [this.registry] });
    this.#collectors.push(() => {
      gauge.reset();
      for (const { labels, value } of read()) gauge.set(labels, value);
    });
  }

  /** Whether this process holds the Lease of this name. */
  leading(name: string, isLeader: boolean): void {
    this.#leader.set({ name }, isLeader ? 1 : 0);
  }

  /** The exposition text of all metrics. */
  async text(): Promise<string> {
    for (const collect of this.#collectors) collect();
    // prom-client's way to write a number that is none isn't the format's, and not every scraper takes it.
    return (await this.registry.metrics()).replace(/ Nan$/gm, ' NaN');
  }
}
