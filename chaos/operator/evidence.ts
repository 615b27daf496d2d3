import { cp, mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { Plan } from './plan.ts';

/** Keeps files that show how something came, in a folder of this name. */
export type Keep = (name: string, files: readonly string[]) => Promise<void>;

/** Keeps the plan, what happened, and the files that are given, in a folder below `root`. */
export function keepIn(root: string, plan: Plan, lines: readonly string[], tell: (line: string) => void): Keep {
  return async (name, files) => {
    const folder = path.join(root, name);
    await mkdir(folder, { recursive: true });
    await writeFile(path.join(folder, 'plan.json'), JSON.stringify(plan, null, 1));
    await writeFile(path.join(folder, 'happened.txt'), `${lines.join('\n')}\n`);
    for (const file of files) await cp(file, path.join(folder, path.basename(file)));
    tell(`what happened lies in ${folder}`);
  };
}
