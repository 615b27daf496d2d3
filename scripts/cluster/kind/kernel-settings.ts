import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { KUBELET_SYSCTLS } from '../local/kubelet-sysctls.ts';
import { readIfThere } from '../local/text-file.ts';

/** A kind node is a privileged container: what its kubelet sets is set for the whole machine. */
const names = Object.keys(KUBELET_SYSCTLS) as (keyof typeof KUBELET_SYSCTLS)[];
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
    const kubelets = KUBELET_SYSCTLS[name as keyof typeof KUBELET_SYSCTLS];
    if (value !== kubelets && (await current(name)) === kubelets) await writeFile(join('/proc/sys', name), value);
  }
}
