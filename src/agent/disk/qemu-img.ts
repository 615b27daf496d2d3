import { execa } from 'execa';
import { z } from 'zod';
import { failed, type Result, success } from '../failure.ts';

/** What `qemu-img check` found: nothing; clusters that nobody uses (harmless); or damage. */
export type CheckResult =
  | { readonly kind: 'Ok' }
  | { readonly kind: 'Leaks'; readonly clusters: number }
  | { readonly kind: 'Corrupt'; readonly message: string };

const checkSchema = z.object({
  'check-errors': z.int().default(0),
  corruptions: z.int().default(0),
  leaks: z.int().default(0),
});

/**
 * Checks the tables of a qcow2 image whose header was parsed before. Always with the format named, or QEMU would guess
 * it from the content.
 * @param program the qemu-img binary
 * @returns a failure `DiskCheckFailed` when the check itself could not be done
 */
export async function checkDisk(program: string, path: string, signal?: AbortSignal): Promise<Result<CheckResult>> {
  return classify(await run(program, ['check', '-f', 'qcow2', '--output=json', path], signal));
}

/** Gives back clusters that nobody uses; no guest data is touched. The image must not be open in QEMU. */
export async function repairLeaks(program: string, path: string, signal?: AbortSignal): Promise<Result<CheckResult>> {
  return classify(await run(program, ['check', '-f', 'qcow2', '-r', 'leaks', '--output=json', path], signal));
}

interface Ended {
  readonly exitCode: number | undefined;
  readonly stdout: string;
  readonly stderr: string;
}

async function run(program: string, args: readonly string[], signal?: AbortSignal): Promise<Ended> {
  const { exitCode, stdout, stderr, shortMessage } = await execa(program, args, {
    reject: false,
    stdin: 'ignore',
    ...(signal === undefined ? {} : { cancelSignal: signal }),
  });
  return { exitCode, stdout, stderr: exitCode === undefined ? (shortMessage ?? stderr) : stderr };
}

/** Exit codes of qemu-img check: 0 sound, 2 damaged, 3 leaks alone; anything else: not checked. */
export function classify({ exitCode, stdout, stderr }: Ended): Result<CheckResult> {
  const lastLine = stderr.trim().split('\n').at(-1) ?? '';
  if (exitCode !== 0 && exitCode !== 2 && exitCode !== 3) {
    return failed('DiskCheckFailed', `qemu-img check could not be done (exit code ${exitCode}): ${lastLine}`);
  }
  const counts = checkSchema.safeParse(parseJson(stdout));
  if (!counts.success) {
    return failed('DiskCheckFailed', `qemu-img check answered something unexpected: ${stdout.slice(0, 200)}`);
  }
  const { corruptions, leaks, 'check-errors': errors } = counts.data;
  // What could not be read says nothing about the disk, nor does what was counted without it.
  if (errors > 0) return failed('DiskCheckFailed', `qemu-img check had ${errors} errors of its own: ${lastLine}`);
  if (exitCode === 2 || corruptions > 0) {
    return success({ kind: 'Corrupt', message: `${corruptions} corruptions. ${lastLine}`.trim() });
  }
  if (exitCode === 3 || leaks > 0) return success({ kind: 'Leaks', clusters: leaks });
  return success({ kind: 'Ok' });
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
