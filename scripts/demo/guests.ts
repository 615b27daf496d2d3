import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { step, UserError, withProgress } from '../console.ts';
import { EMULATORS, type EmulatorName, podOf } from './machines.ts';
import { overview } from './overview.ts';
import type { DemoView } from './view.ts';

export type BootCounts = Record<EmulatorName, number>;

/** The boot counter that the guest printed last; undefined before it has said anything. */
export function bootCount(log: string): number | undefined {
  const last = [...log.matchAll(/LOCO-GUEST boot=(\d+)/g)].at(-1)?.[1];
  return last === undefined ? undefined : Number(last);
}

async function waitForBootCount(view: DemoView, name: EmulatorName, deadline: number): Promise<number> {
  const pod = podOf(name);
  for (;;) {
    const count = bootCount(await view.log(pod));
    if (count !== undefined) {
      step(`  ${pod.padEnd(13)} the guest has booted and says on its serial line: LOCO-GUEST boot=${count}`);
      return count;
    }
    if (performance.now() > deadline) {
      throw new UserError(`the guest of ${pod} has said no boot counter on its serial line`);
    }
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
}

/** Reads each guest's boot counter from its serial line, waiting up to `limitMs` for the guests to say it. */
export async function readBootCounts(view: DemoView, limitMs: number): Promise<BootCounts> {
  const deadline = performance.now() + limitMs;
  const counts = EMULATORS.map(async (name) => [name, await waitForBootCount(view, name, deadline)] as const);
  return Object.fromEntries(await withProgress('Waiting for the guests to boot', Promise.all(counts))) as BootCounts;
}

/** Writes a screenshot of each machine into `folder`, named after machine and boot counter, and one picture of all. */
export async function takeScreenshots(view: DemoView, folder: string, counts: BootCounts): Promise<void> {
  await mkdir(folder, { recursive: true });
  const screens = await Promise.all(EMULATORS.map((name) => view.screenshot(podOf(name))));
  for (const [index, screen] of screens.entries()) {
    const name = EMULATORS[index];
    if (name !== undefined) await writeFile(join(folder, `${podOf(name)}-boot-${counts[name]}.png`), screen);
  }
  await writeFile(join(folder, 'overview.png'), overview(screens));
  step(`Took a screenshot of each: ${folder}`);
}
