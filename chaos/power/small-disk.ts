import { rm, writeFile } from 'node:fs/promises';
import { execa } from 'execa';
import { noise } from '../../test/agent/disk-workbench.ts';

const PART_BYTES = 128 * 1024;

/** A qcow2 file of little more than 256 KiB, with holes: hundreds of its copies are looked at. */
export async function makeSmallDisk(target: string): Promise<void> {
  const raw = `${target}.raw`;
  const hole = Buffer.alloc(2 * PART_BYTES);
  await writeFile(raw, Buffer.concat([noise(5, PART_BYTES), hole, noise(6, PART_BYTES), hole]));
  await execa('qemu-img', ['convert', '-f', 'raw', '-O', 'qcow2', raw, target]);
  await rm(raw);
}
