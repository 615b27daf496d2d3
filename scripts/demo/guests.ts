import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { UserError } from '../console.ts';
import { EMULATORS, type EmulatorName, podOf } from './machines.ts';
import type { DemoView } from './view.ts';

export type BootCounts = Record<EmulatorName, number>;

/** The boot counter that the guest printed last; undefined before it has said anything. */
export function bootCount(log: string): number | undefined {
  const last = [...log.matchAll(/LOCO-GUEST boot=(\d+)/g)].at(-1)?.[1];
  return last === undefined ? undefined : Number(last);
}

async function waitForBootCount(view: DemoView, name: EmulatorName, limitMs: number): Promise<number> {
  const deadline = performance.now() + limitMs;
  for (;;) {
    const count = bootCount(await view.log(podOf(name)));
    if (count !== undefined) return count;
    if (performance.now() > deadline) {
      throw new UserError(`the guest of ${podOf(name)} has said no boot counter on its serial line`);
    }
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
}

/** Reads each guest's boot counter from its serial line, waiting up to `limitMs` for a guest to say it. */
export async function readBootCounts(view: DemoView, limitMs: number): Promise<BootCounts> {
  const [persistent, hybrid, ephemeral] = await Promise.all(
    EMULATORS.map((name) => waitForBootCount(view, name, limitMs)),
  );
  if (persistent === undefined || hybrid === undefined || ephemeral === undefined) {
    throw new Error('a boot counter is missing');
  }
  return { persistent, hybrid, ephemeral };
}

/** Writes a screenshot of each machine into `folder`, made anew; the files' paths. */
export async function takeScreenshots(view: DemoView, folder: string): Promise<string[]> {
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  return Promise.all(
    EMULATORS.map(async (name) => {
      const file = join(folder, `${podOf(name)}.png`);
      await writeFile(file, await view.screenshot(podOf(name)));
      return file;
    }),
  );
}
