import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { stateFolder } from '../../folders.ts';

/** Addresses of one cluster, all inside `10.<index>.0.0/16`, so that clusters with different indices never meet. */
export interface Addresses {
  /** This machine's end of the cable to the node. */
  readonly host: string;
  /** The node's end: API server, registry and DNS listen on it. */
  readonly node: string;
  /** Prefix length of the cable's network. */
  readonly linkPrefix: number;
  readonly podSubnet: string;
  readonly serviceSubnet: string;
  readonly kubernetesService: string;
  readonly dnsService: string;
  /** The network interface on this machine; its name claims the index. */
  readonly interface: string;
}

/** First and last index that a cluster can get: below lie networks that companies and clouds use most. */
export const INDICES = { first: 80, last: 199 } as const;

export function addressesOf(index: number): Addresses {
  const at = (rest: string) => `10.${index}.${rest}`;
  return {
    host: at('0.1'),
    node: at('0.2'),
    linkPrefix: 30,
    podSubnet: at('64.0/18'),
    serviceSubnet: at('128.0/18'),
    kubernetesService: at('128.1'),
    dnsService: at('128.10'),
    interface: `loco${index}`,
  };
}

/** The indices whose `10.<index>.0.0/16` no route of this machine touches. `routes` are destinations as `ip route` prints them. */
export function freeIndices(routes: readonly string[]): readonly number[] {
  const taken = new Set<number>();
  for (const route of routes) {
    const match = /^10(?:\.(\d+))?[\d.]*(?:\/(\d+))?$/.exec(route);
    if (match === null) continue;
    const second = Number(match[1] ?? 0);
    const prefix = Number(match[2] ?? 32);
    const span = prefix >= 16 ? 1 : 2 ** (16 - Math.max(prefix, 8));
    for (let index = second; index < second + span; index += 1) taken.add(index);
  }
  const all = Array.from({ length: INDICES.last - INDICES.first + 1 }, (_, offset) => INDICES.first + offset);
  return all.filter((index) => !taken.has(index));
}

/** Holds a folder per local cluster. */
export const localClustersFolder = join(stateFolder, 'clusters');

/** Holds a folder per simulated cluster. */
export const simulatedClustersFolder = join(stateFolder, 'simulated');

/** Holds a folder per kind cluster. */
export const kindClustersFolder = join(stateFolder, 'kind');

/** Where one cluster keeps what it has; everything of it lies below `root`. */
export interface Layout {
  readonly name: string;
  readonly root: string;
  readonly pki: string;
  readonly configuration: string;
  readonly log: string;
  readonly kubeconfig: string;
  readonly auditLog: string;
  readonly settings: string;
  /** Name of the control group, unique per state folder, below which all its pods run. */
  readonly controlGroup: string;
}

/** @param clusters the folder that holds one folder per cluster */
export function layoutOf(clusters: string, name: string): Layout {
  const root = join(clusters, name);
  const unique = createHash('sha256').update(root).digest('hex').slice(0, 8);
  return {
    name,
    root,
    pki: join(root, 'pki'),
    configuration: join(root, 'configuration'),
    log: join(root, 'log'),
    kubeconfig: join(root, 'kubeconfig'),
    auditLog: join(root, 'log', 'audit.log'),
    settings: join(root, 'cluster.json'),
    controlGroup: `loco-${name}-${unique}`,
  };
}

/** Paths that exist only inside the node's own mount namespace: they are gone when the node is. */
export const NODE_PATHS = {
  containerdSocket: '/run/containerd/containerd.sock',
  containerdState: '/run/containerd',
  kubelet: '/run/kubelet',
} as const;

/** Where Debian's containernetworking-plugins puts its programs. */
export const CNI_PROGRAMS = '/usr/lib/cni';

/** The name that pods can reach the registry by. */
export const REGISTRY_HOST = 'registry.loco.test';
export const REGISTRY_PORTS = { tls: 5443, plain: 5000 } as const;

/** Images of the node itself, made here and imported without a registry. */
export const NODE_IMAGES = { pause: 'localhost/loco/pause:1', busybox: 'localhost/loco/busybox:1' } as const;
