import { errorMessage } from '../kube/errors.ts';

/** As much of a logger as this needs. */
interface Log {
  warn(fields: object, message: string): void;
  info(fields: object, message: string): void;
}

/**
 * Logs that the watch of a resource fails when it begins to, when it fails otherwise, and when it goes on: an outage of
 * the API server makes each of them fail every few seconds.
 */
export class WatchLog {
  readonly #log: Log;
  /** What was last said of each resource that fails. */
  readonly #said = new Map<string, string>();

  constructor(log: Log) {
    this.#log = log;
  }

  failed({ resource, error, retryInMs }: { resource: string; error: unknown; retryInMs: number }): void {
    const message = errorMessage(error);
    if (this.#said.get(resource) === message) return;
    this.#said.set(resource, message);
    this.#log.warn({ resource, retryInMs }, `watch: ${message}`);
  }

  recovered(resource: string): void {
    if (this.#said.delete(resource)) this.#log.info({ resource }, 'watch: goes on');
  }
}
