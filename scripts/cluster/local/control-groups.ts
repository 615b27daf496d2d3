import { mkdir, readdir, readFile, rmdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { UserError } from '../../console.ts';
import { waitFor } from '../wait.ts';
import { readIfThere } from './text-file.ts';

/** The mount points of all control group hierarchies (one on a machine with version 2 alone) in `/proc/self/mountinfo`. */
export function hierarchiesOf(mountinfo: string): readonly string[] {
  const found: string[] = [];
  for (const line of mountinfo.split('\n')) {
    const [before = '', after = ''] = line.split(' - ');
    const type = after.split(' ')[0];
    const point = before.split(' ')[4];
    if ((type === 'cgroup' || type === 'cgroup2') && point !== undefined) found.push(point);
  }
  return found;
}

async function hierarchies(): Promise<readonly string[]> {
  return hierarchiesOf(await readFile('/proc/self/mountinfo', 'utf8'));
}

/** The controllers of a version 2 hierarchy that its groups can't use yet. */
export function missingControllers(available: string, enabled: string): readonly string[] {
  const words = (text: string) => text.split(/\s+/).filter(Boolean);
  const known = new Set(words(enabled));
  return words(available).filter((controller) => !known.has(controller));
}

/** Lets groups below the root use every controller: the kubelet refuses one that lacks any. No-op on version 1. */
async function enableControllers(hierarchy: string): Promise<void> {
  const available = await readIfThere(join(hierarchy, 'cgroup.controllers'));
  if (available === undefined) return;
  const switches = join(hierarchy, 'cgroup.subtree_control');
  for (const controller of missingControllers(available, await readFile(switches, 'utf8'))) {
    try {
      await writeFile(switches, `+${controller}`);
    } catch (error) {
      throw new UserError(
        `The control group controller "${controller}" can't be enabled in ${switches} (${String(error)}). Inside a container, run this on the machine itself instead.`,
      );
    }
  }
}

/** Makes the group in every hierarchy; the kubelet wants it to be there. */
export async function createControlGroup(name: string): Promise<void> {
  for (const hierarchy of await hierarchies()) {
    await enableControllers(hierarchy);
    await mkdir(join(hierarchy, name), { recursive: true });
  }
}

/** Removes a group and those below it; undefined while one of them still has a dying process. */
async function removeTree(folder: string): Promise<true | undefined> {
  try {
    for (const entry of await readdir(folder, { withFileTypes: true })) {
      if (entry.isDirectory() && (await removeTree(join(folder, entry.name))) === undefined) return undefined;
    }
    await rmdir(folder);
    return true;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return true;
    if (code === 'EBUSY') return undefined;
    throw error;
  }
}

/** Removes the group from every hierarchy. All its processes must have been ended. */
export async function removeControlGroup(name: string): Promise<void> {
  for (const hierarchy of await hierarchies()) {
    await waitFor(`the control group ${join(hierarchy, name)} to be free`, () => removeTree(join(hierarchy, name)), {
      seconds: 30,
    });
  }
}
