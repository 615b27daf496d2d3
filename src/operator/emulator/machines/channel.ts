import type { AgentReport } from '../../../contract/agent-report.ts';
import type { MachineContact } from '../observed.ts';
import { type AgentAddress, type FollowOptions, TokenRefused } from './agent-stream.ts';

/** What channels need of the world. */
export interface ChannelContext {
  /** Follows the reports of one agent until the stream ends; see `followReports`. */
  readonly follow: (address: AgentAddress, token: string, options: FollowOptions) => Promise<void>;
  /** The bearer token of the agent's Emulator; `again`: the one known was refused. */
  readonly readToken: (address: AgentAddress, again: boolean) => Promise<string>;
  /** The wall clock, for what is shown: milliseconds since the epoch. */
  readonly now: () => number;
  /** A clock that nobody sets, for durations, in milliseconds. */
  readonly monotonic: () => number;
  readonly after: (ms: number, action: () => void) => () => void;
  readonly random: () => number;
  /** Told of each failed try, for the log. */
  readonly onFailure: (address: AgentAddress, error: unknown) => void;
}

/** A change that is only progress is shown at most this often. */
const PROGRESS_MS = 10_000;
/** Without a stream for this long a machine counts as lost. */
const LOST_MS = 30_000;
const FIRST_RETRY_MS = 200;
const RETRY_CAP_MS = 3_000;

/**
 * The line to one machine's agent: one stream, opened again with backoff when it ends (the init container's agent ends
 * and the main container's begins, pods restart, networks break). What it shows is the last report that was worth
 * showing: a new phase, reason, disk or readiness at once, progress every ten seconds.
 */
export class MachineChannel {
  readonly #context: ChannelContext;
  readonly #address: AgentAddress;
  readonly #onChange: () => void;
  readonly #abort = new AbortController();
  readonly #opened: number;
  #latest: AgentReport | undefined;
  #shown: AgentReport | undefined;
  /** On the monotonic clock. */
  #shownAt = 0;
  #cancelShow: (() => void) | undefined;
  /** On the wall clock. */
  #silentSince: number | undefined;
  /** The timer itself says so: whoever looks at a clock when it comes may find that it isn't time yet. */
  #lost = false;
  #cancelLost: (() => void) | undefined;
  #failures = 0;
  readonly ended: Promise<void>;

  constructor(context: ChannelContext, address: AgentAddress, onChange: () => void) {
    this.#context = context;
    this.#address = address;
    this.#onChange = onChange;
    this.#opened = context.now();
    this.#fallSilent();
    this.ended = this.#run();
  }

  get address(): AgentAddress {
    return this.#address;
  }

  get contact(): MachineContact {
    const state = this.#lost ? 'Lost' : this.#shown === undefined ? 'Connecting' : 'Connected';
    return { report: this.#shown, state, since: new Date(this.#silentSince ?? this.#opened) };
  }

  close(): void {
    this.#abort.abort();
    this.#cancelShow?.();
    this.#cancelLost?.();
  }

  async #run(): Promise<void> {
    const { signal } = this.#abort;
    const onReport = (report: AgentReport): void => this.#accept(report);
    let again = false;
    while (!signal.aborted) {
      try {
        const token = await this.#context.readToken(this.#address, again);
        again = false;
        await this.#context.follow(this.#address, token, { signal, onReport });
      } catch (error) {
        if (signal.aborted) return;
        again = error instanceof TokenRefused;
        this.#context.onFailure(this.#address, error);
      }
      if (!signal.aborted) await this.#pauseBeforeRetry();
    }
  }

  #accept(report: AgentReport): void {
    this.#failures = 0;
    const wasLost = this.#lost;
    this.#lost = false;
    this.#silentSince = undefined;
    this.#cancelLost?.();
    // Of a thousand machines each says every 15 s that nothing has changed.
    if (report === this.#latest && !wasLost) return;
    this.#latest = report;
    const isNews = wasLost || this.#shown === undefined || essence(report) !== essence(this.#shown);
    const wait = isNews ? 0 : this.#shownAt + PROGRESS_MS - this.#context.monotonic();
    if (JSON.stringify(report) === JSON.stringify(this.#shown) && !wasLost) return;
    if (wait <= 0) this.#show();
    else this.#cancelShow ??= this.#context.after(wait, () => this.#show());
  }

  #show(): void {
    this.#cancelShow?.();
    this.#cancelShow = undefined;
    this.#shown = this.#latest;
    this.#shownAt = this.#context.monotonic();
    this.#onChange();
  }

  /** From now on nothing is heard; after a while the status must say so. */
  #fallSilent(): void {
    if (this.#silentSince !== undefined) return;
    this.#silentSince = this.#context.now();
    this.#cancelLost = this.#context.after(LOST_MS, () => {
      this.#lost = true;
      this.#onChange();
    });
  }

  #pauseBeforeRetry(): Promise<void> {
    this.#fallSilent();
    this.#failures += 1;
    const full = Math.min(RETRY_CAP_MS, FIRST_RETRY_MS * 2 ** Math.min(this.#failures - 1, 20));
    const { signal } = this.#abort;
    return new Promise((resolve) => {
      const end = (): void => {
        signal.removeEventListener('abort', end);
        cancel();
        resolve();
      };
      const cancel = this.#context.after(full * (1 - this.#context.random() / 2), end);
      signal.addEventListener('abort', end);
    });
  }
}

/** What of a report is news; the rest is progress. */
function essence(report: AgentReport): string {
  const { progress, message, ...rest } = report;
  return JSON.stringify({ ...rest, step: progress?.step, message: progress === undefined ? message : undefined });
}
