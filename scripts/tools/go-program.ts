import { existsSync } from 'node:fs';
import { execa } from 'execa';
import { UserError } from '../console.ts';

/** The oldest Go that can build the pinned modules (or fetch a toolchain that can). */
const OLDEST: readonly [major: number, minor: number] = [1, 26];

/** `[1, 26]` of `go version go1.26.8 linux/amd64`; undefined where it isn't Go's answer. */
export function parseGoVersion(output: string): readonly [major: number, minor: number] | undefined {
  const match = /\bgo(\d+)\.(\d+)/.exec(output);
  return match === null ? undefined : [Number(match[1]), Number(match[2])];
}

/** Where Go's own installer puts it; often not in the PATH of a non-login shell. */
const CUSTOMARY = '/usr/local/go/bin/go';

/**
 * Path of a Go that is new enough.
 * @throws UserError saying what to install.
 */
export async function goProgram(): Promise<string> {
  for (const candidate of ['go', CUSTOMARY]) {
    if (candidate === CUSTOMARY && !existsSync(candidate)) continue;
    const answer = await execa(candidate, ['version'], { reject: false });
    const version = answer.exitCode === 0 ? parseGoVersion(answer.stdout) : undefined;
    if (version === undefined) continue;
    const [major, minor] = version;
    if (major > OLDEST[0] || (major === OLDEST[0] && minor >= OLDEST[1])) return candidate;
    throw new UserError(
      `The test cluster's tools need Go ${OLDEST.join('.')} or newer; this is ${major}.${minor} (${candidate}). Install a newer one from https://go.dev/dl/ and put it first in PATH.`,
    );
  }
  throw new UserError(
    `The test cluster's tools are built from Go modules, and Go isn't installed. Install Go ${OLDEST.join('.')} or newer from https://go.dev/dl/ and put it in PATH.`,
  );
}
