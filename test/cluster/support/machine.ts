import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { hierarchiesOf } from '../../../scripts/cluster/local/control-groups.ts';
import {
  kindClustersFolder,
  type Layout,
  layoutOf,
  localClustersFolder,
  simulatedClustersFolder,
} from '../../../scripts/cluster/local/layout.ts';
import { readSettings } from '../../../scripts/cluster/local/settings.ts';

/** What a cluster could leave behind on this machine, by kind; each entry is one thing. */
export type MachineState = Readonly<Record<string, readonly string[]>>;

async function linesOf(program: string, ...args: string[]): Promise<readonly string[]> {
  const result = await execa(program, args, { reject: false });
  if (result.exitCode === undefined) return [];
  if (result.exitCode !== 0) throw new Error(`${program} ${args.join(' ')} failed: ${result.stderr}`);
  // Counters change by themselves.
  return result.stdout
    .split('\n')
    .map((line) => line.replace(/\[\d+:\d+\]/, '').trim())
    .filter((line) => line !== '' && !line.startsWith('#'));
}

async function entriesOf(folder: string): Promise<readonly string[]> {
  const entries = await readdir(folder).catch(() => []);
  return entries.map((entry) => join(folder, entry));
}

const SYSCTLS = [
  'vm/overcommit_memory',
  'vm/panic_on_oom',
  'kernel/panic',
  'kernel/panic_on_oops',
  'net/ipv4/ip_forward',
];

async function sysctls(): Promise<readonly string[]> {
  return Promise.all(
    SYSCTLS.map(async (name) => `${name}=${(await readFile(join('/proc/sys', name), 'utf8')).trim()}`),
  );
}

/** Folders in fixed places that a kubelet, a containerd or a CNI plugin uses if nobody keeps it from doing so. */
const FIXED_PLACES = [
  '/run',
  '/run/netns',
  '/var/lib',
  '/var/lib/cni',
  '/var/log/pods',
  '/var/log/containers',
  '/opt',
  '/etc/cni',
];

/** podman and buildah mount and unmount here whenever somebody builds; no cluster has to do with it. */
const IMAGE_ENGINES = '/var/lib/containers/';

/** Takes down what there is now. */
export async function observeMachine(): Promise<MachineState> {
  const mountinfo = await readFile('/proc/self/mountinfo', 'utf8');
  const groups = await Promise.all(hierarchiesOf(mountinfo).map(entriesOf));
  const places = await Promise.all(FIXED_PLACES.map(entriesOf));
  const links = await linesOf('ip', '-o', 'link', 'show');
  return {
    interfaces: links.map((line) => line.split(': ')[1] ?? line),
    addresses: (await linesOf('ip', '-o', 'address', 'show')).map((line) => line.replace(/^\d+: /, '')),
    routes: await linesOf('ip', 'route', 'show', 'table', 'all'),
    rules: await linesOf('ip', 'rule', 'show'),
    nftables: await linesOf('nft', 'list', 'tables'),
    iptables: await linesOf('iptables-save'),
    mounts: mountinfo
      .split('\n')
      .map((line) => line.split(' ').slice(3).join(' '))
      .filter((mount) => !mount.includes(IMAGE_ENGINES)),
    groups: groups.flat(),
    places: places.flat(),
    sysctls: await sysctls(),
  };
}

/** Control groups and network indices of this user's clusters beside `own`; somebody may work with them meanwhile. */
export async function namesOfOthers(own: readonly Layout[]): Promise<ReadonlySet<string>> {
  const names = new Set<string>();
  for (const folder of [localClustersFolder, simulatedClustersFolder, kindClustersFolder]) {
    for (const name of await readdir(folder).catch(() => [])) {
      const layout = layoutOf(folder, name);
      if (own.some(({ root }) => root === layout.root)) continue;
      names.add(layout.controlGroup);
      const settings = await readSettings(layout);
      if (settings !== undefined) names.add(String(settings.index));
    }
  }
  return names;
}

function isOneOf(entry: string, others: ReadonlySet<string>): boolean {
  const group = /\/(loco-[a-z0-9-]+-[0-9a-f]{8})$/.exec(entry)?.[1];
  const network = /\bloco(\d+)\b/.exec(entry)?.[1] ?? /\b10\.(\d+)\.(?:0|64|128)\.\d/.exec(entry)?.[1];
  return others.has(group ?? '') || others.has(network ?? '');
}

/** What is there now and wasn't before, without what belongs to the clusters of these names. */
export function addedSince(before: MachineState, now: MachineState, others: ReadonlySet<string>): MachineState {
  const added: Record<string, readonly string[]> = {};
  for (const [kind, entries] of Object.entries(now)) {
    const known = new Set(before[kind]);
    const news = entries.filter((entry) => !known.has(entry) && !isOneOf(entry, others));
    if (news.length > 0) added[kind] = news;
  }
  return added;
}
