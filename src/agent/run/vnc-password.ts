import { readFile, rm, writeFile } from 'node:fs/promises';
import { failed, messageOf, type Result, success } from '../failure.ts';

/** VNC's authentication looks at this many bytes and no more. */
const MAXIMUM_BYTES = 8;

/** A password as it is mounted, less one trailing line end. Fails with `VNCPasswordInvalid`. */
export function parseVncPassword(mounted: Buffer): Result<Buffer> {
  const password = Buffer.from(mounted.toString('latin1').replace(/\r?\n$/, ''), 'latin1');
  if (password.length === 0) {
    return failed(
      'VNCPasswordInvalid',
      'The VNC password in its Secret is empty, which would let anyone in. Set 1 to 8 characters.',
    );
  }
  if (password.length > MAXIMUM_BYTES) {
    return failed(
      'VNCPasswordInvalid',
      `The VNC password in its Secret has ${password.length} bytes; VNC looks at 8 and ignores the rest. Set 1 to 8.`,
    );
  }
  return success(password);
}

/**
 * Reads the mounted password and writes what QEMU is to read to `target`, for this user only. Fails with
 * `VNCPasswordInvalid`, also where the file can't be read.
 */
export async function prepareVncSecret(mounted: string, target: string): Promise<Result<void>> {
  let content: Buffer;
  try {
    content = await readFile(mounted);
  } catch (error) {
    return failed('VNCPasswordInvalid', `The VNC password can't be read from its Secret: ${messageOf(error)}`);
  }
  const password = parseVncPassword(content);
  if (!password.ok) {
    return password;
  }
  await rm(target, { force: true });
  await writeFile(target, password.value, { mode: 0o600, flag: 'wx' });
  return success(undefined);
}
