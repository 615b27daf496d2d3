import { UserError } from '../../console.ts';
import { ensureDebianPackages } from '../../debian-packages.ts';

/** Makes sure that a node can be made on this machine. */
export async function ensureRequirements(): Promise<void> {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) {
    throw new UserError(
      'The local test cluster makes namespaces and mounts, so it needs Linux and root. Run this as root, or give a cluster with LOCO_KUBECONFIG, or start a docker engine (kind is used then).',
    );
  }
  await ensureDebianPackages([
    'busybox-static',
    'conntrack',
    'containernetworking-plugins',
    'iproute2',
    'mount',
    'nftables',
    'openssl',
    'perl-base',
    'tar',
    'util-linux',
  ]);
}
