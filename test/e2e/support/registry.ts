import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { execa } from 'execa';
import type { Environment } from './environment.ts';

/**
 * Pushes the test guest's disk as a titled artifact, as a user would with oras.
 * @param reference `repository:tag` inside the cluster's registry
 * @returns the manifest's digest
 */
export async function pushSnapshot(environment: Environment, reference: string): Promise<string> {
  const registry = environment.registry;
  if (registry === undefined) throw new Error('this cluster has no registry');
  const folder = await mkdtemp(join(tmpdir(), 'loco-push-'));
  try {
    const config = join(folder, 'config.json');
    const auth = Buffer.from(`${registry.username}:${registry.password}`).toString('base64');
    await writeFile(config, JSON.stringify({ auths: { [registry.tls]: { auth } } }));
    const pushed = await execa(
      environment.oras,
      [
        'push',
        '--registry-config',
        config,
        '--ca-file',
        registry.caFile,
        '--artifact-type',
        'application/vnd.example.disk',
        '--format',
        'go-template={{.digest}}',
        `${registry.tls}/${reference}`,
        `${basename(environment.guestDisk)}:application/x-qcow2`,
      ],
      { cwd: dirname(environment.guestDisk) },
    );
    return pushed.stdout.trim();
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
