import type { Clock } from './clock.ts';

/**
 * A clock for tests: time passes when {@link advance} says so, and actions run in the order in which they are due.
 * Both its times begin at 0.
 */
export class FakeClock implements Clock {
  #monotonic = 0;
  /** How far somebody has set the wall clock. */
  #set = 0;
  #timers: { at: number; action: () => void }[] = [];

  now(): number {
    return this.#monotonic + this.#set;
  }

  monotonic(): number {
    return this.#monotonic;
  }

  after(ms: number, action: () => void): () => void {
    const timer = { at: this.#monotonic + ms, action };
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter((other) => other !== timer);
    };
  }

  /** Lets time pass; promises that depend on it get their turn after each action. */
  async advance(ms: number): Promise<void> {
    const end = this.#monotonic + ms;
    await settle();
    for (;;) {
      const due = this.#timers.filter(({ at }) => at <= end).sort((left, right) => left.at - right.at)[0];
      if (due === undefined) break;
      this.#timers = this.#timers.filter((timer) => timer !== due);
      // A timer that was due while nothing ran comes late.
      this.#monotonic = Math.max(this.#monotonic, due.at);
      due.action();
      await settle();
    }
    this.#monotonic = Math.max(this.#monotonic, end);
    await settle();
  }

  /** Somebody sets the wall clock by so much, forwards or backwards. */
  setWall(byMs: number): void {
    this.#set += byMs;
  }

  /** The process stands still: time passes and no timer runs, before the next {@link advance}. */
  stall(ms: number): void {
    this.#monotonic += ms;
  }
}

/** Gives everything that only waits for promises its turn. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 200; turn += 1) await Promise.resolve();
}
