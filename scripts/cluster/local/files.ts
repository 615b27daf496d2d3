import { join } from 'node:path';
import { execa } from 'execa';
import { KUBECONFIG_CLIENTS, readPem } from './certificates.ts';
import { apiServerUrl } from './components.ts';
import { renderConfigurations, renderRegistryConfigurations } from './configurations.ts';
import { renderKubeconfig } from './kubeconfig.ts';
import type { Addresses, Layout } from './layout.ts';
import type { Settings } from './settings.ts';
import { readIfThere, writeIfChanged } from './text-file.ts';

/** A kubeconfig for each of these clients; the administrator's is the one that people use. */
export async function writeKubeconfigs(
  layout: Layout,
  addresses: Addresses,
  clients: readonly string[],
): Promise<boolean> {
  const authority = await readPem(layout, 'ca.crt');
  let changed = false;
  for (const client of clients) {
    const [certificate, key] = await Promise.all([readPem(layout, `${client}.crt`), readPem(layout, `${client}.key`)]);
    const text = renderKubeconfig(layout.name, { server: apiServerUrl(addresses), authority, certificate, key });
    const path = client === 'admin' ? layout.kubeconfig : join(layout.configuration, `${client}.kubeconfig`);
    changed = (await writeIfChanged(path, text)) || changed;
  }
  return changed;
}

/** The registry takes bcrypt alone; perl, which every Debian has, makes it with the C library's crypt. */
async function writePasswordFile(layout: Layout, settings: Settings): Promise<boolean> {
  const path = join(layout.configuration, 'htpasswd');
  if ((await readIfThere(path)) !== undefined) return false;
  const { username, password, secret } = settings.registry;
  // 22 characters of salt, the last of which may only be one of a few.
  const salt = `${secret.slice(0, 21)}u`;
  const program = 'my ($password, $salt) = <STDIN> =~ /(\\S+) (\\S+)/; print crypt($password, "\\$2b\\$08\\$$salt")';
  const hash = await execa('perl', ['-e', program], { input: `${password} ${salt}\n` });
  return writeIfChanged(path, `${username}:${hash.stdout}\n`);
}

/** Brings the registry's files up to date. */
export async function writeRegistryFiles(layout: Layout, addresses: Addresses, settings: Settings): Promise<void> {
  const files = renderRegistryConfigurations({ layout, addresses, registrySecret: settings.registry.secret });
  for (const [name, text] of Object.entries(files)) await writeIfChanged(join(layout.configuration, name), text);
  await writePasswordFile(layout, settings);
}

/** Brings every file of the cluster up to date; true when one that a running component has read was changed. */
export async function writeFiles(
  layout: Layout,
  addresses: Addresses,
  settings: Settings,
  runc: string,
): Promise<boolean> {
  const files = renderConfigurations({ layout, addresses, runc, registrySecret: settings.registry.secret });
  let changed = false;
  for (const [name, text] of Object.entries(files)) {
    changed = (await writeIfChanged(join(layout.configuration, name), text)) || changed;
  }
  changed = (await writeKubeconfigs(layout, addresses, KUBECONFIG_CLIENTS)) || changed;
  return (await writePasswordFile(layout, settings)) || changed;
}
