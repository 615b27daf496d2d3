import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { readIfThere } from '../local/text-file.ts';

/** What the kubelet of a kind node sets, and to what; a privileged container sets it for the whole machine. */
const KUBELET_SETS = {
  'vm/overcommit_memory': '1',
  'vm/panic_on_oom': '0',
  'kernel/panic': '10',
  'kernel/panic_on_oops': '1',
  'kernel/keys/root_maxkeys': '1000000',
  'kernel/keys/root_maxbytes': '25000000',
} as const;

const names = Object.keys(KUBELET_SETS) as (keyof typeof KUBELET_SETS)[];
const remembered = z.partialRecord(z.enum(names), z.string());

const current = async (name: string) => (await readIfThere(join('/proc/sys', name)))?.trim();

/** Writes down what the machine's settings are, unless that was done already. */
export async function rememberKernelSettings(file: string): Promise<void> {
  if ((await readIfThere(file)) !== undefined) return;
  const values = await Promise.all(names.map(async (name) => [name, await current(name)] as const));
  await writeFile(file, JSON.stringify(Object.fromEntries(values.filter(([, value]) => value !== undefined))));
}

/** Sets back what was written down and has since become what a kubelet sets. */
export async function restoreKernelSettings(file: string): Promise<void> {
  const text = await readIfThere(file);
  if (text === undefined) return;
  for (const [name, value] of Object.entries(remembered.parse(JSON.parse(text)))) {
    const kubelets = KUBELET_SETS[name as keyof typeof KUBELET_SETS];
    if (value !== kubelets && (await current(name)) === kubelets) await writeFile(join('/proc/sys', name), value);
  }
}
