import { mkdir, readdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { execa } from 'execa';
import { step, UserError } from '../../scripts/console.ts';
import { type DebianArchive, debianArchive } from '../../scripts/images/debian-archive.ts';

/** The last Debian release with a 32-bit kernel. */
const RELEASE = 'bookworm';

/** An apt that knows i386 and the main archive alone, and touches nothing of the machine's own. */
function aptConfiguration(folder: string): string {
  return `APT::Architecture "i386";
APT::Architectures { "i386"; };
APT::Sandbox::User "root";
Acquire::Languages "none";
Dir::Etc::SourceList "${folder}/sources.list";
Dir::Etc::SourceParts "-";
Dir::State "${folder}/state";
Dir::State::status "${folder}/status";
Dir::Cache "${folder}/cache";
`;
}

async function prepareApt(folder: string, archive: DebianArchive): Promise<void> {
  for (const name of ['state/lists/partial', 'cache/archives/partial', 'packages', 'root']) {
    await mkdir(path.join(folder, name), { recursive: true });
  }
  await writeFile(path.join(folder, 'apt.conf'), aptConfiguration(folder));
  await writeFile(path.join(folder, 'status'), '');
  await writeFile(
    path.join(folder, 'sources.list'),
    `deb [signed-by=${archive.keyring}] ${archive.uri} ${RELEASE} main\n`,
  );
}

/** Runs one of apt's programs in the private folder and turns what can go wrong outside into a sentence. */
async function apt(folder: string, archive: DebianArchive, program: string, words: readonly string[]): Promise<string> {
  const result = await execa(program, words, {
    cwd: path.join(folder, 'packages'),
    env: { APT_CONFIG: path.join(folder, 'apt.conf'), LC_ALL: 'C' },
    reject: false,
    all: true,
  });
  if (result.exitCode === 0) {
    return result.stdout;
  }
  const hint = /hash sum mismatch|unexpected size/i.test(result.all)
    ? "A downloaded file doesn't match the hash in the archive's index: the mirror is out of step with itself. Try again later, or with another mirror in apt's sources."
    : `Is the archive ${archive.uri} within reach, and does it carry ${RELEASE} for i386?`;
  throw new UserError(`${program} ${words.join(' ')} failed. ${hint}\n${result.all.slice(-1500)}`);
}

/**
 * Downloads the 32-bit kernel and busybox into `folder` and unpacks them; nothing is installed.
 * @returns the folder with the unpacked files (`boot/`, `lib/modules/`, `bin/busybox`)
 */
export async function unpackGuestPackages(folder: string): Promise<string> {
  step("Downloading the test guest's kernel and busybox (50 MB, once)");
  const archive = await debianArchive();
  await prepareApt(folder, archive);
  await apt(folder, archive, 'apt-get', ['update', '-q']);
  const depends = await apt(folder, archive, 'apt-cache', ['depends', 'linux-image-686']);
  const kernel = /Depends: (linux-image-\S+)/.exec(depends)?.[1];
  if (kernel === undefined) {
    throw new UserError(`The archive ${archive.uri} has no linux-image-686 in ${RELEASE}.`);
  }
  await apt(folder, archive, 'apt-get', ['download', '-q', kernel, 'busybox-static']);
  const root = path.join(folder, 'root');
  for (const name of await readdir(path.join(folder, 'packages'))) {
    await execa('dpkg-deb', ['-x', path.join(folder, 'packages', name), root]);
  }
  return root;
}
