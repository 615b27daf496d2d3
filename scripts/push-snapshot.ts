import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { execa } from 'execa';
import type { ClusterRegistry } from './cluster/index.ts';
import { UserError } from './console.ts';

/** A docker `config.json` that logs in at `host` with the registry's user. */
export function dockerConfig(registry: Pick<ClusterRegistry, 'username' | 'password'>, host: string): string {
  const auth = Buffer.from(`${registry.username}:${registry.password}`).toString('base64');
  return JSON.stringify({ auths: { [host]: { auth } } });
}

/**
 * Puts a disk into the cluster's registry as a titled artifact, as `oras push` does for anybody. The same disk makes the
 * same manifest.
 * @param oras path of the tool
 * @param reference `repository:tag` inside the registry
 * @returns the manifest's digest
 * @throws UserError with what oras said
 */
export async function pushSnapshot(
  oras: string,
  registry: Pick<ClusterRegistry, 'tls' | 'caFile' | 'username' | 'password'>,
  disk: string,
  reference: string,
): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'loco-push-'));
  try {
    const config = join(folder, 'config.json');
    await writeFile(config, dockerConfig(registry, registry.tls), { mode: 0o600 });
    const args = ['push', '--registry-config', config, '--ca-file', registry.caFile];
    args.push('--artifact-type', 'application/vnd.loco.qcow2', '--format', 'go-template={{.digest}}');
    args.push('--annotation', 'org.opencontainers.image.created=2000-01-01T00:00:00Z');
    args.push(`${registry.tls}/${reference}`, `${basename(disk)}:application/x-qcow2`);
    const pushed = await execa(oras, args, { cwd: dirname(disk), reject: false });
    if (pushed.exitCode !== 0) {
      throw new UserError(`the snapshot could not be pushed to ${registry.tls}:\n${pushed.stderr}`);
    }
    return pushed.stdout.trim();
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
