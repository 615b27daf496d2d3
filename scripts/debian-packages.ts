import { existsSync } from 'node:fs';
import { execa } from 'execa';
import { step, UserError } from './console.ts';

/** Two commands may install at once. */
const waitForOthers = ['-o', 'DPkg::Lock::Timeout=300'] as const;

/**
 * Makes sure Debian packages are installed, installing what is missing when this is root on a Debian-like system.
 * Daemons that a package would start are kept from starting.
 * @throws UserError naming the packages and the line that installs them, when they can't be installed here.
 */
export async function ensureDebianPackages(names: readonly string[]): Promise<void> {
  const missing: string[] = [];
  for (const name of names) {
    // biome-ignore lint/suspicious/noTemplateCurlyInString: it is dpkg-query's own format, not a template
    const query = await execa('dpkg-query', ['-W', '-f', '${db:Status-Status}', name], { reject: false });
    if (query.stdout !== 'installed') missing.push(name);
  }
  if (missing.length === 0) return;
  const line = `apt-get install --no-install-recommends ${missing.join(' ')}`;
  if (!existsSync('/usr/bin/apt-get') || process.getuid?.() !== 0) {
    throw new UserError(
      `These packages are missing: ${missing.join(', ')}. Install them as root, then run again: ${line}`,
    );
  }
  step(`Installing Debian packages: ${missing.join(' ')}`);
  const environment = { DEBIAN_FRONTEND: 'noninteractive', RUNLEVEL: '1' };
  await execa('apt-get', ['update', '-q', ...waitForOthers], { env: environment });
  const install = await execa(
    'apt-get',
    ['install', '-y', '-q', '--no-install-recommends', ...waitForOthers, ...missing],
    {
      env: environment,
      reject: false,
      all: true,
    },
  );
  if (install.exitCode !== 0) {
    throw new UserError(`${line} failed:\n${install.all.slice(-2000)}`);
  }
}
