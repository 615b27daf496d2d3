import { setTimeout as sleep } from 'node:timers/promises';
import type { AuditEntry } from '../../chaos/operator/audit.ts';
import type { Exit, InsideProcess } from '../../scripts/cluster/simulated/index.ts';
import { AuditTail } from './audit-tail.ts';
import { kindOf } from './counts.ts';
import type { Ground } from './ground.ts';
import { readCpuMs, readMemory } from './process-cost.ts';
import { type OperatorProgram, userOf } from './subject.ts';

/** Without a request other than for its Lease for this long, an operator has nothing more to do. */
const QUIET_MS = 5000;
const LOOK_MS = 250;
const PATIENCE_MS = 15 * 60_000;

/** A replica of an operator that runs, with what it costs. */
export class RunningOperator {
  readonly #process: InsideProcess;
  readonly #audit: AuditTail;
  #ended: Exit | undefined;

  static async start(ground: Ground, program: OperatorProgram, replica = 0): Promise<RunningOperator> {
    const { command, env } = program.start(replica);
    const { namespace, serviceAccount } = program;
    const audit = await AuditTail.atEnd(ground.cluster.auditLog, userOf(program));
    const started = await ground.cluster.spawn(command, {
      name: `${serviceAccount}-${replica}`,
      env,
      serviceAccount: { namespace, name: serviceAccount },
    });
    return new RunningOperator(started, audit);
  }

  private constructor(process: InsideProcess, audit: AuditTail) {
    this.#process = process;
    this.#audit = audit;
    process.ended.then((exit) => {
      this.#ended = exit;
    });
  }

  get process(): InsideProcess {
    return this.#process;
  }

  /** @throws when its process is no longer there: what would be measured then isn't the operator */
  expectRunning(): void {
    if (this.#ended === undefined) return;
    throw new Error(`the operator ended by itself (${JSON.stringify(this.#ended)}): see ${this.#process.log}`);
  }

  /** Requests of the operator's user that were answered since the last call. */
  requests(): Promise<readonly AuditEntry[]> {
    return this.#audit.read();
  }

  /** Requests until there are no more than those for its Lease. */
  async requestsUntilQuiet(): Promise<readonly AuditEntry[]> {
    const all: AuditEntry[] = [];
    const end = performance.now() + PATIENCE_MS;
    let quietSince = performance.now();
    while (performance.now() - quietSince < QUIET_MS) {
      this.expectRunning();
      const news = await this.requests();
      all.push(...news);
      if (news.some((entry) => kindOf(entry) !== 'leases')) quietSince = performance.now();
      if (performance.now() > end) throw new Error('an operator went on asking for 15 minutes');
      await sleep(LOOK_MS);
    }
    return all;
  }

  cpuMs(): Promise<number> {
    return readCpuMs(this.#process.pid);
  }

  memory(): Promise<{ readonly now: number; readonly peak: number }> {
    return readMemory(this.#process.pid);
  }

  /** Ends it as kubelet does. */
  async stop(): Promise<void> {
    this.#process.signal('SIGTERM');
    await this.#process.ended;
  }

  async kill(): Promise<void> {
    this.#process.signal('SIGKILL');
    await this.#process.ended;
  }
}
