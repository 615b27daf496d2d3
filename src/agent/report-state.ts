import { isDeepStrictEqual } from 'node:util';
import { type AgentReport, agentReportSchema, TERMINATION_MESSAGE_BYTES } from '../contract/agent-report.ts';

/** New values for some fields; a field given as undefined is taken out, a field that isn't given stays. */
export type ReportChange = { readonly [K in keyof AgentReport]?: AgentReport[K] | undefined };

/** The one place that holds what this machine says of itself; whoever watches it hears of each change. */
export class ReportState {
  #current: AgentReport;
  readonly #listeners = new Set<(report: AgentReport) => void>();

  constructor(initial: Pick<AgentReport, 'podUid' | 'phase' | 'message'>) {
    this.#current = { schemaVersion: 1, ready: false, attempts: [], ...initial };
  }

  get current(): AgentReport {
    return this.#current;
  }

  /** Merges the change; listeners are called only when something is different. Throws on a value outside the schema. */
  update(change: ReportChange): void {
    const next = agentReportSchema.parse({ ...this.#current, ...change });
    if (isDeepStrictEqual(next, this.#current)) {
      return;
    }
    this.#current = next;
    for (const listener of this.#listeners) {
      listener(next);
    }
  }

  /** Calls `listener` after each change until the function that it returns is called. */
  subscribe(listener: (report: AgentReport) => void): () => void {
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
    };
  }
}

/**
 * The report as a container's last words: whole JSON of at most {@link TERMINATION_MESSAGE_BYTES} bytes. Attempts go
 * first, then the end of the message.
 */
export function terminationMessage(report: AgentReport): string {
  const whole = JSON.stringify(report);
  if (Buffer.byteLength(whole) <= TERMINATION_MESSAGE_BYTES) {
    return whole;
  }
  let message = report.message;
  let text = JSON.stringify({ ...report, attempts: [] });
  while (Buffer.byteLength(text) > TERMINATION_MESSAGE_BYTES && message !== '') {
    message = message.slice(0, Math.floor(message.length * 0.8));
    text = JSON.stringify({ ...report, attempts: [], message: `${message}…` });
  }
  return text;
}
