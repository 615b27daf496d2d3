import { z } from 'zod';
import type { Clock } from '../environment.ts';
import { failed, type Result, success } from '../failure.ts';
import { connectGdb, type GdbClient } from './gdb.ts';
import type { QmpClient } from './qmp.ts';
import { nextInstruction } from './registers.ts';

const POLL_MILLISECONDS = 10;

/** A processor that waits for an interrupt doesn't get to the breakpoint. It does nothing else either. */
const HELD_MILLISECONDS = 300;

const statusSchema = z.object({ status: z.string() });

/**
 * Has QEMU repeat the access whose error paused the guest, before the guest runs on; it is paused afterwards.
 *
 * QEMU repeats it some time after `cont`. But its IDE disk, as soon as an access by programmed I/O fails, says that
 * it isn't busy any more, and a guest that asks before the access was repeated takes it for done and gives its next
 * command: then that is what QEMU repeats, and the write that failed is lost without a word (hw/ide/core.c:
 * `ide_sector_write_cb` clears BUSY_STAT before it looks at the error, `ide_restart_cb` only schedules the repetition;
 * seen with QEMU 7.2 and 10.0). Every BIOS and Windows 98 without DMA work so. A breakpoint at its next instruction holds the
 * guest until the access was repeated.
 */
export class AccessRepeater {
  readonly #qmp: QmpClient;
  readonly #socketPath: string;
  readonly #clock: Clock;
  /** Where there may be a breakpoint that QEMU hasn't said to have removed; it stays in QEMU without its GDB. */
  #breakpoint: number | undefined;

  /** @param socketPath where QEMU may make a socket for a moment */
  constructor(qmp: QmpClient, socketPath: string, clock: Clock) {
    this.#qmp = qmp;
    this.#socketPath = socketPath;
    this.#clock = clock;
  }

  /** Whether the guest may be stopped again by a breakpoint of ours; the next {@link repeat} removes it first. */
  get hasBreakpoint(): boolean {
    return this.#breakpoint !== undefined;
  }

  async repeat(): Promise<Result<void>> {
    const registers = await this.#qmp.humanMonitor('info registers');
    const address = registers.ok ? nextInstruction(registers.value) : undefined;
    if (address === undefined) {
      return failed('ProcessorUnknown', "QEMU doesn't say where the guest's processor is.");
    }
    await this.#qmp.humanMonitor(`gdbserver unix:${this.#socketPath},server=on,wait=off`);
    try {
      const gdb = await connectGdb(this.#socketPath);
      if (!gdb.ok) {
        return gdb;
      }
      const repeated = await this.#runTo(address, gdb.value);
      gdb.value.close();
      return repeated;
    } finally {
      await this.#qmp.humanMonitor('gdbserver none');
    }
  }

  async #runTo(address: number, gdb: GdbClient): Promise<Result<void>> {
    await this.#removeBreakpoint(gdb);
    this.#breakpoint = address;
    const set = await gdb.setBreakpoint(address);
    if (!set.ok) {
      await this.#removeBreakpoint(gdb);
      return set;
    }
    const started = await this.#qmp.execute('cont', z.unknown());
    if (started.ok) await this.#untilHeld();
    // QEMU waits here for what its disks still have to do.
    await this.#qmp.execute('stop', z.unknown());
    const removed = await this.#removeBreakpoint(gdb);
    return started.ok ? removed : started;
  }

  async #untilHeld(): Promise<void> {
    for (let waited = 0; waited < HELD_MILLISECONDS; waited += POLL_MILLISECONDS) {
      const now = await this.#qmp.execute('query-status', statusSchema);
      if (!now.ok || now.value.status !== 'running') return;
      await this.#clock.sleep(POLL_MILLISECONDS);
    }
  }

  async #removeBreakpoint(gdb: GdbClient): Promise<Result<void>> {
    if (this.#breakpoint === undefined) return success(undefined);
    const removed = await gdb.removeBreakpoint(this.#breakpoint);
    // Refused: there is none.
    if (removed.ok || removed.failure.reason === 'GDBRefused') this.#breakpoint = undefined;
    return removed;
  }
}
