import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { failed, messageOf, type Result, success } from '../failure.ts';
import { requiredBytes } from './qcow2-extent.ts';
import { HEADER_BYTES, parseQcow2Header, type Qcow2Header } from './qcow2-header.ts';
import { checkDisk } from './qemu-img.ts';

/**
 * Whether a file is a whole, self-contained, sound qcow2 disk. Its header is parsed here before any QEMU tool touches
 * it: qemu-img says "No errors" of an image backed by the password file.
 * @returns the header, or why the file is no disk for a machine (`Disk…` reasons)
 */
export async function inspectDisk(qemuImg: string, path: string, signal?: AbortSignal): Promise<Result<Qcow2Header>> {
  const header = await readWholeHeader(path);
  if (!header.ok) return header;
  const check = await checkDisk(qemuImg, path, signal);
  if (!check.ok) return check;
  if (check.value.kind === 'Corrupt') {
    return failed(
      'DiskCorrupt',
      `qemu-img check found damage: ${check.value.message} Take a whole copy of the disk, made while no QEMU had it open.`,
    );
  }
  return header;
}

/** Reads and judges the header, and whether the file is as long as its tables say. Runs no QEMU tool. */
export async function readWholeHeader(path: string): Promise<Result<Qcow2Header>> {
  const opened = await openRegular(path);
  if (!opened.ok) return opened;
  const file = opened.value;
  try {
    const header = await readHeader(file);
    if (!header.ok) return header;
    const required = await requiredBytes(file, header.value);
    if (!required.ok) return required;
    const { size } = await file.stat();
    return required.value > size
      ? failed(
          'DiskTruncated',
          `The file was cut: its tables refer to ${required.value} bytes, ${size} are there. Copy it again, whole.`,
        )
      : header;
  } finally {
    await file.close();
  }
}

/** Reads and judges the header alone, of a file whose last clusters may never have reached it. Runs no QEMU tool. */
export async function readHeaderOf(path: string): Promise<Result<Qcow2Header>> {
  const opened = await openRegular(path);
  if (!opened.ok) return opened;
  try {
    return await readHeader(opened.value);
  } finally {
    await opened.value.close();
  }
}

/**
 * How long the file must be for what its tables refer to, in bytes; undefined when they don't tell, being cut or
 * damaged themselves. Runs no QEMU tool.
 */
export async function requiredLength(path: string, header: Qcow2Header): Promise<number | undefined> {
  const opened = await openRegular(path);
  if (!opened.ok) return undefined;
  try {
    const required = await requiredBytes(opened.value, header);
    return required.ok ? required.value : undefined;
  } finally {
    await opened.value.close();
  }
}

async function readHeader(file: FileHandle): Promise<Result<Qcow2Header>> {
  const { size } = await file.stat();
  const start = Buffer.alloc(Math.min(HEADER_BYTES, size));
  const { bytesRead } = await file.read(start, 0, start.length, 0);
  return parseQcow2Header(start.subarray(0, bytesRead), size);
}

async function openRegular(path: string): Promise<Result<FileHandle>> {
  try {
    // O_NONBLOCK: a named pipe of that name must not hold us up.
    const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
    if ((await file.stat()).isFile()) return success(file);
    await file.close();
    return failed('DiskNotAFile', `${path} is not a regular file. Put the disk image itself there.`);
  } catch (error) {
    return failed('DiskUnreadable', `${path} can't be read: ${messageOf(error)}.`);
  }
}
