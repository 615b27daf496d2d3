import { errorMessage } from '../kube/errors.ts';

/** As much of a logger as this needs. */
interface Log {
  warn(fields: object, message: string): void;
  info(fields: object, message: string): void;
}

interface Watched {
  readonly resource: string;
  /** Empty: all of them. */
  readonly namespace: string;
}

function of(namespace: string): { namespace?: string } {
  return namespace === '' ? {} : { namespace };
}

/**
 * Logs that the watch of a resource fails when it begins to, when it fails otherwise, and when it goes on: an outage of
 * the API server makes each of them fail every few seconds.
 */
export class WatchLog {
  readonly #log: Log;
  /** What was last said of each resource that fails, by namespace. */
  readonly #said = new Map<string, string>();

  constructor(log: Log) {
    this.#log = log;
  }

  failed({ resource, namespace, error, retryInMs }: Watched & { error: unknown; retryInMs: number }): void {
    const message = errorMessage(error);
    const key = `${namespace}/${resource}`;
    if (this.#said.get(key) === message) return;
    this.#said.set(key, message);
    this.#log.warn({ resource, ...of(namespace), retryInMs }, `watch: ${message}`);
  }

  recovered({ resource, namespace }: Watched): void {
    if (this.#said.delete(`${namespace}/${resource}`)) this.#log.info({ resource, ...of(namespace) }, 'watch: goes on');
  }
}
