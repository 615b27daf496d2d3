import { z } from 'zod';
import type { Clock } from '../environment.ts';
import { failed, type Result } from '../failure.ts';
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
 * @param socketPath where QEMU may make a socket for a moment
 */
export async function repeatAccess(qmp: QmpClient, socketPath: string, clock: Clock): Promise<Result<void>> {
  const registers = await qmp.humanMonitor('info registers');
  const address = registers.ok ? nextInstruction(registers.value) : undefined;
  if (address === undefined) {
    return failed('ProcessorUnknown', "QEMU doesn't say where the guest's processor is.");
  }
  await qmp.humanMonitor(`gdbserver unix:${socketPath},server=on,wait=off`);
  try {
    const gdb = await connectGdb(socketPath);
    if (!gdb.ok) {
      return gdb;
    }
    const repeated = await runToBreakpoint(qmp, gdb.value, address, clock);
    gdb.value.close();
    return repeated;
  } finally {
    await qmp.humanMonitor('gdbserver none');
  }
}

async function runToBreakpoint(qmp: QmpClient, gdb: GdbClient, address: number, clock: Clock): Promise<Result<void>> {
  const set = await gdb.setBreakpoint(address);
  if (!set.ok) {
    return set;
  }
  const started = await qmp.execute('cont', z.unknown());
  for (let waited = 0; started.ok && waited < HELD_MILLISECONDS; waited += POLL_MILLISECONDS) {
    const now = await qmp.execute('query-status', statusSchema);
    if (!now.ok || now.value.status !== 'running') break;
    await clock.sleep(POLL_MILLISECONDS);
  }
  // QEMU waits here for what its disks still have to do.
  await qmp.execute('stop', z.unknown());
  const removed = await gdb.removeBreakpoint(address);
  return started.ok ? removed : started;
}
