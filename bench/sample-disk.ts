import { createCipheriv } from 'node:crypto';
import { open, rm } from 'node:fs/promises';
import { execa } from 'execa';
import { ensureDebianPackages } from '../scripts/debian-packages.ts';

const MEBIBYTE = 1024 ** 2;

/** A qcow2 file as long as asked; every other MiB of it is noise that never repeats, the rest are holes. */
export async function makeSampleDisk(target: string, mebibytes: number): Promise<void> {
  await ensureDebianPackages(['qemu-utils']);
  const raw = `${target}.raw`;
  const noise = createCipheriv('aes-128-ctr', Buffer.alloc(16, 7), Buffer.alloc(16));
  const zeros = Buffer.alloc(MEBIBYTE);
  const file = await open(raw, 'w');
  try {
    for (let index = 0; index < mebibytes; index += 2) {
      await file.write(noise.update(zeros), 0, MEBIBYTE, index * MEBIBYTE);
    }
    await file.truncate(mebibytes * MEBIBYTE);
  } finally {
    await file.close();
  }
  // -S 0 makes clusters of zeros too, which then become holes of the file.
  await execa('qemu-img', ['convert', '-f', 'raw', '-O', 'qcow2', '-S', '0', raw, target]);
  await execa('fallocate', ['--dig-holes', target]);
  await rm(raw);
}
