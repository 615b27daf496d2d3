import { once } from 'node:events';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import type { KillScope, StepKill, VictimOrder } from './victim-order.ts';

const program = fileURLToPath(new URL('./victim.ts', import.meta.url));

/** SIGKILL after so many milliseconds of work. */
export interface TimeKill {
  readonly milliseconds: number;
  readonly scope: KillScope;
}

export type Kill = StepKill | TimeKill;

/** How a victim ended. `Alive`: it got through before it could be killed. */
export type VictimEnd =
  | { readonly kind: 'Killed'; readonly group: number }
  | { readonly kind: 'Alive'; readonly steps: number; readonly milliseconds: number };

/** Runs a preparation or import in a process group of its own, and kills it as told. */
export async function runVictim(order: Omit<VictimOrder, 'kill'>, kill?: Kill): Promise<VictimEnd> {
  const timed = kill !== undefined && 'milliseconds' in kill ? kill : undefined;
  const argument: VictimOrder = kill === undefined || 'milliseconds' in kill ? order : { ...order, kill };
  const child = execa(process.execPath, [program, JSON.stringify(argument)], {
    detached: true,
    reject: false,
    stdin: 'ignore',
    // Compiled once, not at each of the hundreds of starts.
    env: { NODE_COMPILE_CACHE: path.join(tmpdir(), 'loco-chaos-compiled') },
  });
  const group = child.pid;
  if (group === undefined) throw new Error(`${process.execPath} doesn't start`);
  await Promise.race([once(child.stdout, 'data'), child]);
  const began = performance.now();
  if (timed !== undefined) {
    await Promise.race([delay(timed.milliseconds), child]);
    signal(timed.scope === 'Pod' ? -group : group);
  }
  const ended = await child;
  const milliseconds = performance.now() - began;
  if (ended.exitCode === 0) {
    return { kind: 'Alive', steps: Number(/steps (\d+)/.exec(ended.stdout)?.[1]), milliseconds };
  }
  if (ended.signal !== 'SIGKILL') throw new Error(`the victim failed: ${ended.stderr}`);
  if (kill?.scope === 'Pod') await groupIsGone(group);
  return { kind: 'Killed', group };
}

/** Ends what a killed agent left running, and waits until it is gone. */
export async function endGroup(group: number): Promise<void> {
  signal(-group);
  await groupIsGone(group);
}

async function groupIsGone(group: number): Promise<void> {
  while (signal(-group, 0)) await delay(2);
}

/** False when there is no such process. */
function signal(target: number, name: 'SIGKILL' | 0 = 'SIGKILL'): boolean {
  try {
    return process.kill(target, name);
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ESRCH') return false;
    throw error;
  }
}
