import { randomInt } from 'node:crypto';
import { access, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { failed, messageOf, type Result, success } from '../failure.ts';

/** VNC's authentication looks at this many bytes and no more. */
const MAXIMUM_BYTES = 8;
const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';

/** QEMU takes no other bytes than UTF-8 and ends at a NUL, and viewers send letters beyond ASCII each in its own way. */
const PRINTABLE = /^[ -~]*$/;

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
  if (!PRINTABLE.test(password.toString('latin1'))) {
    return failed(
      'VNCPasswordInvalid',
      'The VNC password in its Secret has a line end, another control character or a letter beyond ASCII in it, which viewers cannot send. Set 1 to 8 printable ASCII characters.',
    );
  }
  return success(password);
}

/** A password, and the file that it is in. */
interface VncPassword {
  readonly file: string;
  readonly password: Buffer;
}

/**
 * The password that is mounted. Fails with `VNCPasswordInvalid`, also where the file can't be read, and with
 * `VNCPasswordNotWritten`.
 * @param own where a password is made, and kept, when none is mounted
 */
export async function chooseVncPassword(mounted: string, own?: string): Promise<Result<VncPassword>> {
  const file = own === undefined || (await isThere(mounted)) ? mounted : own;
  if (file === own && !(await isThere(file))) {
    const made = await keepVncPassword(file, Buffer.from(randomPassword()));
    if (!made.ok) {
      return made;
    }
  }
  const password = await readPassword(file);
  return password.ok ? success({ file, password: password.value }) : password;
}

/**
 * Writes the password that is mounted to `target`, from where QEMU reads it. Fails as {@link chooseVncPassword} and
 * {@link keepVncPassword} do.
 * @returns the file that the password is in
 */
export async function prepareVncSecret(mounted: string, target: string, own?: string): Promise<Result<string>> {
  const chosen = await chooseVncPassword(mounted, own);
  if (!chosen.ok) {
    return chosen;
  }
  const written = await keepVncPassword(target, chosen.value.password);
  return written.ok ? success(chosen.value.file) : written;
}

function randomPassword(): string {
  return Array.from({ length: MAXIMUM_BYTES }, () => ALPHABET.charAt(randomInt(ALPHABET.length))).join('');
}

async function isThere(file: string): Promise<boolean> {
  try {
    await access(file);
    return true;
  } catch {
    // Whatever else is wrong with it, whoever reads it says so.
    return false;
  }
}

async function readPassword(file: string): Promise<Result<Buffer>> {
  try {
    return parseVncPassword(await readFile(file));
  } catch (error) {
    return failed('VNCPasswordInvalid', `The VNC password can't be read from its Secret: ${messageOf(error)}`);
  }
}

/**
 * Writes a password to a file, for this user only. Under its name it is whole: half a password would be taken for one.
 * Fails with `VNCPasswordNotWritten`.
 */
export async function keepVncPassword(file: string, password: Buffer): Promise<Result<void>> {
  const staged = `${file}.staged`;
  try {
    await rm(staged, { force: true });
    await writeFile(staged, password, { mode: 0o600, flag: 'wx' });
    await rename(staged, file);
    return success(undefined);
  } catch (error) {
    return failed('VNCPasswordNotWritten', `The VNC password can't be written for QEMU: ${messageOf(error)}`);
  }
}
