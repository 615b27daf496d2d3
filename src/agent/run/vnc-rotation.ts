import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import type { Machine } from './machine.ts';
import type { QmpClient } from './qmp.ts';
import { chooseVncPassword, keepVncPassword } from './vnc-password.ts';

/** Kubelet takes a minute to bring a changed Secret to the volume: this adds nothing that anyone notices. */
const LOOK_MILLISECONDS = 5000;

/**
 * Takes over another VNC password into the running QEMU when the mounted one changes, until `until` aborts: viewers
 * that come from then on need it, and those that are there stay. QEMU's own file says which password it was last given,
 * so that one that changes while QEMU starts is taken over as well.
 *
 * Never fails. A password that VNC can't have, and one that QEMU doesn't take, change nothing: that is logged, once, and tried again.
 */
export async function followVncPassword(
  machine: Pick<Machine, 'paths' | 'endpoints' | 'ownVncPassword' | 'clock' | 'log'>,
  qmp: Pick<QmpClient, 'execute'>,
  until: AbortSignal,
): Promise<void> {
  const { clock, log } = machine;
  let told: string | undefined;
  for (;;) {
    await clock.sleep(LOOK_MILLISECONDS, until);
    if (until.aborted) return;
    const problem = await takeOver(machine, qmp);
    if (problem !== undefined && problem !== told) {
      log.error({ problem }, 'The VNC password stays what it was');
    }
    told = problem;
  }
}

/** @returns what keeps the mounted password from being QEMU's */
async function takeOver(
  { paths, endpoints, ownVncPassword, log }: Parameters<typeof followVncPassword>[0],
  qmp: Pick<QmpClient, 'execute'>,
): Promise<string | undefined> {
  const chosen = await chooseVncPassword(paths.vncPassword, ownVncPassword);
  if (!chosen.ok) {
    return chosen.failure.message;
  }
  const { password } = chosen.value;
  const given = await readGiven(endpoints.vncSecret);
  if (given?.equals(password)) {
    return undefined;
  }
  const taken = await qmp.execute('set_password', z.unknown(), {
    arguments: { protocol: 'vnc', password: password.toString('latin1') },
  });
  if (!taken.ok) {
    return `QEMU did not take it: ${taken.failure.message}`;
  }
  const kept = await keepVncPassword(endpoints.vncSecret, password);
  if (!kept.ok) {
    return kept.failure.message;
  }
  log.info({}, 'The VNC password was changed');
  return undefined;
}

async function readGiven(file: string): Promise<Buffer | undefined> {
  try {
    return await readFile(file);
  } catch {
    // Then nobody knows what QEMU has, and it is given the mounted one.
    return undefined;
  }
}
