import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';

/** Where a kernel module lies and which modules must be loaded before it. */
interface Module {
  readonly file: string;
  readonly depends: readonly string[];
}

const nameOf = (file: string): string => path.basename(file, '.ko').replaceAll('-', '_');

/** The `depends=` line of a module's `.modinfo` section; the section holds NUL-separated `key=value` texts. */
function dependenciesOf(content: Buffer): string[] {
  const start = content.indexOf('\0depends=');
  if (start < 0) {
    return [];
  }
  const text = content.toString('latin1', start + '\0depends='.length, content.indexOf(0, start + 1));
  return text.split(',').filter((name) => name !== '');
}

/**
 * The files of the wanted modules and of all they depend on, in an order in which they can be loaded.
 * @throws Error when the kernel's folder lacks one
 */
export async function modulesInOrder(folder: string, wanted: readonly string[]): Promise<string[]> {
  const files = new Map<string, string>();
  for (const file of await readdir(folder, { recursive: true })) {
    if (file.endsWith('.ko')) {
      files.set(nameOf(file), path.join(folder, file));
    }
  }
  const order: string[] = [];
  const visit = async (name: string): Promise<void> => {
    const module = await readModule(files, name);
    if (order.includes(module.file)) {
      return;
    }
    for (const needed of module.depends) {
      await visit(needed.replaceAll('-', '_'));
    }
    order.push(module.file);
  };
  for (const name of wanted) {
    await visit(name);
  }
  return order;
}

async function readModule(files: ReadonlyMap<string, string>, name: string): Promise<Module> {
  const file = files.get(name);
  if (file === undefined) {
    throw new Error(`the kernel has no module ${name}`);
  }
  return { file, depends: dependenciesOf(await readFile(file)) };
}
