import { chmod, copyFile, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { UserError } from '../../console.ts';
import { debianArchive } from '../../images/debian-archive.ts';
import { CNI_PROGRAMS } from '../local/layout.ts';

/** The Debian whose systemd still knows control groups of version 1. */
export const NODE_RELEASE = 'bookworm';

/** As in kind's own Dockerfile, less what only other storage and tests want. */
export const NODE_PACKAGES = [
  'systemd',
  'systemd-sysv',
  'dbus',
  'conntrack',
  'iptables',
  'nftables',
  'iproute2',
  'ethtool',
  'mount',
  'kmod',
  'libseccomp2',
  'e2fsprogs',
  'ca-certificates',
  'curl',
  'jq',
  'procps',
] as const;

/** Left out: nobody reads manuals in a node. */
const UNWANTED = ['/usr/share/man/*', '/usr/share/doc/*', '/usr/share/locale/*', '/usr/share/info/*'];

/** Programs of the node itself and where they lie in it. */
export const NODE_TOOLS = {
  containerd: 'usr/local/bin',
  'containerd-shim-runc-v2': 'usr/local/bin',
  ctr: 'usr/local/bin',
  runc: 'usr/local/sbin',
  kubelet: 'usr/bin',
  kubectl: 'usr/bin',
  kubeadm: 'usr/bin',
} as const;

export type NodePrograms = Readonly<Record<keyof typeof NODE_TOOLS, string>>;

/** Writes a Debian with systemd as a tar archive. */
export async function makeDebianRoot(output: string): Promise<void> {
  const { uri } = await debianArchive();
  const made = await execa(
    'mmdebstrap',
    [
      '--quiet',
      '--variant=minbase',
      `--include=${NODE_PACKAGES.join(',')}`,
      ...UNWANTED.map((pattern) => `--dpkgopt=path-exclude=${pattern}`),
      NODE_RELEASE,
      output,
      uri,
    ],
    { reject: false, all: true },
  );
  if (made.exitCode !== 0) {
    throw new UserError(`mmdebstrap could not make a node of Debian ${NODE_RELEASE}:\n${made.all.slice(-2000)}`);
  }
}

/** Units that make no sense in a container; the same as in kind's Dockerfile. */
async function removeUnits(root: string): Promise<void> {
  const all = ['multi-user', 'local-fs', 'basic'].map((name) => `lib/systemd/system/${name}.target.wants`);
  for (const folder of all) await rm(join(root, folder), { recursive: true, force: true });
  const etc = join(root, 'etc/systemd/system');
  for (const name of await readdir(etc)) {
    if (name.endsWith('.wants')) await rm(join(etc, name), { recursive: true });
  }
  await rm(join(root, 'lib/systemd/system/sysinit.target.wants/systemd-tmpfiles-setup.service'), { force: true });
  const sockets = join(root, 'lib/systemd/system/sockets.target.wants');
  for (const name of await readdir(sockets)) {
    if (/udev|initctl/.test(name)) await rm(join(sockets, name));
  }
}

async function copyKindFiles(root: string, module: string): Promise<void> {
  const files = join(module, 'images/base/files');
  await execa('cp', ['-r', '--no-preserve=mode,ownership', `${files}/.`, root]);
  const scripts = (await readdir(join(root, 'kind/bin'))).map((name) => join('kind/bin', name));
  for (const script of ['usr/local/bin/entrypoint', ...scripts]) await chmod(join(root, script), 0o755);
}

async function copyPrograms(root: string, programs: NodePrograms): Promise<void> {
  for (const [name, folder] of Object.entries(NODE_TOOLS)) {
    const target = join(root, folder, name);
    await copyFile(programs[name as keyof typeof NODE_TOOLS], target);
    await chmod(target, 0o755);
  }
  await mkdir(join(root, 'opt/cni/bin'), { recursive: true });
  for (const name of ['host-local', 'loopback', 'ptp', 'portmap']) {
    await copyFile(join(CNI_PROGRAMS, name), join(root, 'opt/cni/bin', name));
  }
}

async function inRoot(root: string, ...command: string[]): Promise<string> {
  return (await execa('chroot', [root, ...command])).stdout;
}

/** Each container's specification: without limits that a node can't give, and with kind's hook. */
async function writeContainerBase(root: string): Promise<void> {
  const specification = JSON.parse(await inRoot(root, '/usr/local/bin/ctr', 'oci', 'spec'));
  delete specification.process.rlimits;
  specification.hooks = { createContainer: [{ path: '/kind/bin/mount-product-files.sh' }] };
  await writeFile(join(root, 'etc/containerd/cri-base.json'), JSON.stringify(specification));
}

/**
 * Makes a kind node's file system below `root`, the way kind's Dockerfile and `kind build node-image` do: a Debian,
 * kind's own files, and our pinned programs. Its images are added by {@link fillImageStore}.
 */
export async function makeNodeRoot(
  root: string,
  input: {
    readonly debian: string;
    readonly module: string;
    readonly programs: NodePrograms;
    /** Kubernetes' version, with its v. */
    readonly version: string;
    readonly storageManifest: string;
  },
): Promise<void> {
  await mkdir(root, { recursive: true });
  await execa('tar', ['-C', root, '-xf', input.debian, '--exclude=./dev/*']);
  await copyKindFiles(root, input.module);
  await removeUnits(root);
  const journal = join(root, 'etc/systemd/journald.conf');
  await writeFile(journal, `${await readFile(journal, 'utf8')}ReadKMsg=no\n`);
  await copyPrograms(root, input.programs);
  for (const folder of ['etc/kubernetes/manifests', 'kind/manifests', 'etc/cni/net.d']) {
    await mkdir(join(root, folder), { recursive: true });
  }
  await inRoot(root, 'systemctl', '--quiet', 'enable', 'kubelet', 'containerd', 'undo-mount-hacks');
  await inRoot(root, 'systemctl', '--quiet', 'mask', 'systemd-binfmt.service');
  await writeContainerBase(root);
  await writeFile(join(root, 'kind/version'), input.version);
  await writeFile(join(root, 'kind/manifests/default-storage.yaml'), input.storageManifest);
}

/** The image of each pod's sandbox, as the node's containerd is set up. */
export async function sandboxImage(module: string): Promise<string> {
  const text = await readFile(join(module, 'images/base/files/etc/containerd/config.toml'), 'utf8');
  const image = /^\s*sandbox_image = "([^"]+)"$/m.exec(text)?.[1];
  if (image === undefined) throw new UserError("kind's containerd configuration names no sandbox image any more.");
  return image;
}
