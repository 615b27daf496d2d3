import type { RequestObservation } from './transport.ts';
import type { WorkResult } from './work-queue.ts';

/**
 * Traces of what a controller does, for OpenTelemetry: a span for each pass over an object, with a child for each
 * request to the API server that the pass made. Requests outside of a pass (lists, watches, the Lease, events in the
 * background) have none.
 *
 * Traces are off, and their code isn't even loaded, unless OpenTelemetry's own environment variables name a receiver.
 */
export interface Tracer {
  /** Carries out one pass over the object `key` as a span. */
  pass(controller: string, key: string, work: () => Promise<WorkResult>): Promise<WorkResult>;
  /** A request has ended; call it where the request was made, so that the pass is known. */
  request(request: RequestObservation): void;
  /** Sends what has not been sent yet. */
  close(): Promise<void>;
}

/** What traces say of the process that they come from. */
export interface TracedService {
  /** Unless `OTEL_SERVICE_NAME` says another. */
  readonly name: string;
  readonly version: string;
  readonly instance: string;
  /** Told when the receiver can't be reached or refuses; nothing but traces is lost. */
  readonly onProblem: (message: string) => void;
}
