import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import process from 'node:process';
import { bundleInParts, type ProgramFile } from './bundle.ts';

/**
 * How Node runs the operator; the Dockerfile's ENTRYPOINT has the same. Left to itself Node lets garbage lie while the
 * machine has memory: with 100 Emulators coming up at once 180 MB, so 122 MB, in the same processor time. How large
 * the heap may become is left to Node, which goes by the container's memory limit.
 */
export const OPERATOR_NODE_FLAGS: readonly string[] = ['--max-semi-space-size=4', '--heap-growing-percent=30'];

/** The operator's program as it stands in its image. */
export function operatorProgram(): Promise<ProgramFile[]> {
  return bundleInParts('src/operator/main.ts');
}

/** Writes the operator's program into a folder. Resolves with the command that starts it as its image does. */
export async function writeOperatorProgram(folder: string): Promise<string[]> {
  await mkdir(folder, { recursive: true });
  for (const { name, text } of await operatorProgram()) await writeFile(path.join(folder, name), text);
  return [process.execPath, ...OPERATOR_NODE_FLAGS, path.join(folder, 'main.mjs')];
}
