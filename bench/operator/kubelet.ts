import { setTimeout as sleep } from 'node:timers/promises';
import type { Ground } from './ground.ts';
import { RunningOperator } from './running-operator.ts';
import type { OperatorProgram } from './subject.ts';

/** kubelet's wait before it starts a container that ended again: none, then 10 s, doubled each time. */
const FIRST_WAIT_MS = 10_000;

/** Starts an operator again when it ends by itself, as kubelet would. */
export class Kubelet {
  readonly #ground: Ground;
  readonly #program: OperatorProgram;
  readonly #stopping = new AbortController();
  #current: RunningOperator;
  #exits = 0;
  readonly #watching: Promise<void>;

  static async start(ground: Ground, program: OperatorProgram): Promise<Kubelet> {
    return new Kubelet(ground, program, await RunningOperator.start(ground, program));
  }

  private constructor(ground: Ground, program: OperatorProgram, first: RunningOperator) {
    this.#ground = ground;
    this.#program = program;
    this.#current = first;
    this.#watching = this.#watch();
  }

  get current(): RunningOperator {
    return this.#current;
  }

  /** How often it ended by itself. */
  get exits(): number {
    return this.#exits;
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#current.stop();
    await this.#watching;
  }

  async #watch(): Promise<void> {
    const { signal } = this.#stopping;
    while (true) {
      await this.#current.process.ended;
      if (signal.aborted) return;
      this.#exits += 1;
      const wait = this.#exits === 1 ? 0 : FIRST_WAIT_MS * 2 ** (this.#exits - 2);
      await sleep(wait, undefined, { signal }).catch(() => undefined);
      if (signal.aborted) return;
      this.#current = await RunningOperator.start(this.#ground, this.#program);
    }
  }
}
