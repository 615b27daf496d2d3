import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { hierarchiesOf } from '../../../scripts/cluster/local/control-groups.ts';

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

/** What is there now and wasn't before. */
export function addedSince(before: MachineState, now: MachineState): MachineState {
  const added: Record<string, readonly string[]> = {};
  for (const [kind, entries] of Object.entries(now)) {
    const known = new Set(before[kind]);
    const news = entries.filter((entry) => !known.has(entry));
    if (news.length > 0) added[kind] = news;
  }
  return added;
}
