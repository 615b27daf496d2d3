import { execa } from 'execa';
import { UserError } from '../console.ts';

/** Debian's main archive as this machine reaches it: whatever mirror or proxy its own apt is set up for. */
export interface DebianArchive {
  /** Base address, for example `http://mirror.example/debian/`. */
  readonly uri: string;
  /** Keys that the archive's Release files are signed with. */
  readonly keyring: string;
}

/** The first main archive (no security, backports or updates suite) among lines of `URI RELEASE COMPONENT`. */
export function mainArchiveOf(targets: string): string | undefined {
  for (const line of targets.split('\n')) {
    const [uri = '', release = '', component = ''] = line.split(' ');
    if (/\/debian\/?$/.test(uri) && component === 'main' && !release.includes('-') && !release.includes('/')) {
      return uri;
    }
  }
  return undefined;
}

/**
 * Asks apt for the archive that this machine uses.
 * @throws UserError where apt has no Debian archive (another distribution, or apt missing).
 */
export async function debianArchive(): Promise<DebianArchive> {
  const format = '$(REPO_URI) $(RELEASE) $(COMPONENT)';
  const targets = await execa('apt-get', ['indextargets', '--format', format, 'Created-By: Packages'], {
    reject: false,
  });
  const uri = mainArchiveOf(targets.stdout ?? '');
  if (uri === undefined) {
    throw new UserError(
      "apt has no Debian archive (a source whose address ends in /debian, component main). Add one to apt's sources, then run again.",
    );
  }
  return { uri, keyring: '/usr/share/keyrings/debian-archive-keyring.gpg' };
}
