import { inspectDisk } from '../../src/agent/disk/inspect.ts';
import { UserError } from '../console.ts';
import { ensureDebianPackages } from '../debian-packages.ts';

/**
 * Makes sure a file may become an image's built-in disk, by the same rules that a machine judges it by later.
 * @throws UserError that says what is wrong with it and what to do
 */
export async function refuseBrokenDisk(file: string): Promise<void> {
  await ensureDebianPackages(['qemu-utils']);
  const inspected = await inspectDisk('qemu-img', file);
  if (!inspected.ok) {
    throw new UserError(
      `${file} can't be built into an image (${inspected.failure.reason}). ${inspected.failure.message}`,
    );
  }
}
