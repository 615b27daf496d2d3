import { join } from 'node:path';
import { stringify } from 'yaml';
import {
  type Addresses,
  CNI_PROGRAMS,
  type Layout,
  NODE_IMAGES,
  NODE_PATHS,
  REGISTRY_HOST,
  REGISTRY_PORTS,
} from './layout.ts';

/** What the configuration files are rendered from. */
export interface ConfigurationInput {
  readonly layout: Layout;
  readonly addresses: Addresses;
  /** Path of the runc binary. */
  readonly runc: string;
  /** Shared by the registry's two listeners, so that an upload may begin at one and end at the other. */
  readonly registrySecret: string;
}

function containerd({ layout, runc }: ConfigurationInput): string {
  return `version = 3
root = "${join(layout.root, 'containerd')}"
state = "${NODE_PATHS.containerdState}"
temp = "${join(layout.root, 'tmp')}"
disabled_plugins = [
  "io.containerd.nri.v1.nri",
  "io.containerd.snapshotter.v1.blockfile",
  "io.containerd.snapshotter.v1.btrfs",
  "io.containerd.snapshotter.v1.devmapper",
  "io.containerd.snapshotter.v1.erofs",
  "io.containerd.snapshotter.v1.zfs",
]
[grpc]
  address = "${NODE_PATHS.containerdSocket}"
[plugins."io.containerd.internal.v1.opt"]
  path = "${join(layout.root, 'opt')}"
[plugins."io.containerd.cri.v1.images".pinned_images]
  sandbox = "${NODE_IMAGES.pause}"
[plugins."io.containerd.cri.v1.runtime"]
  # Machines without CAP_SYS_RESOURCE can't lower a process's score.
  restrict_oom_score_adj = true
  netns_mounts_under_state_dir = true
[plugins."io.containerd.cri.v1.runtime".cni]
  bin_dirs = ["${CNI_PROGRAMS}"]
  conf_dir = "${join(layout.configuration, 'cni')}"
[plugins."io.containerd.cri.v1.runtime".containerd.runtimes.runc]
  runtime_type = "io.containerd.runc.v2"
  [plugins."io.containerd.cri.v1.runtime".containerd.runtimes.runc.options]
    BinaryName = "${runc}"
`;
}

/** No masquerading: this machine has a route to the pods, and nothing else is to be reached. */
function network({ addresses }: ConfigurationInput): string {
  return JSON.stringify({
    cniVersion: '1.0.0',
    name: 'loco',
    plugins: [
      {
        type: 'bridge',
        bridge: 'pods',
        isGateway: true,
        ipMasq: false,
        hairpinMode: true,
        ipam: {
          type: 'host-local',
          dataDir: '/run/cni',
          ranges: [[{ subnet: addresses.podSubnet }]],
          routes: [{ dst: '0.0.0.0/0' }],
        },
      },
    ],
  });
}

function kubelet({ layout, addresses }: ConfigurationInput): string {
  return stringify({
    apiVersion: 'kubelet.config.k8s.io/v1beta1',
    kind: 'KubeletConfiguration',
    address: addresses.node,
    authentication: {
      anonymous: { enabled: false },
      webhook: { enabled: true },
      x509: { clientCAFile: join(layout.pki, 'ca.crt') },
    },
    authorization: { mode: 'Webhook' },
    tlsCertFile: join(layout.pki, 'kubelet.crt'),
    tlsPrivateKeyFile: join(layout.pki, 'kubelet.key'),
    containerRuntimeEndpoint: `unix://${NODE_PATHS.containerdSocket}`,
    cgroupDriver: 'cgroupfs',
    cgroupRoot: `/${layout.controlGroup}`,
    failCgroupV1: false,
    failSwapOn: false,
    clusterDNS: [addresses.dnsService],
    clusterDomain: 'cluster.local',
    resolvConf: join(layout.configuration, 'resolv.conf'),
    podLogsDir: join(layout.log, 'pods'),
    maxPods: 110,
    oomScoreAdj: 0,
    makeIPTablesUtilChains: false,
    evictionHard: { 'memory.available': '100Mi', 'nodefs.available': '1%', 'imagefs.available': '1%' },
    // Images are loaded, not pulled: one that is collected can't come back.
    imageGCHighThresholdPercent: 100,
  });
}

function kubeProxy({ layout, addresses }: ConfigurationInput): string {
  return stringify({
    apiVersion: 'kubeproxy.config.k8s.io/v1alpha1',
    kind: 'KubeProxyConfiguration',
    mode: 'nftables',
    clientConnection: { kubeconfig: join(layout.configuration, 'kube-proxy.kubeconfig') },
    clusterCIDR: addresses.podSubnet,
    // The table's size belongs to the whole machine.
    conntrack: { maxPerCore: 0 },
    oomScoreAdj: 0,
  });
}

/**
 * Names that nobody has are answered as such at once, instead of being asked for in a network that isn't there. A block
 * per zone, because within one CoreDNS asks its plugins in an order of its own.
 */
function coredns({ layout, addresses }: ConfigurationInput): string {
  return `cluster.local:53 in-addr.arpa:53 ip6.arpa:53 {
  bind ${addresses.node}
  errors
  ready ${addresses.node}:8181
  kubernetes cluster.local in-addr.arpa ip6.arpa {
    kubeconfig ${join(layout.configuration, 'coredns.kubeconfig')}
    pods insecure
    ttl 5
  }
}
${REGISTRY_HOST}:53 {
  bind ${addresses.node}
  errors
  hosts {
    ${addresses.node} ${REGISTRY_HOST}
  }
}
.:53 {
  bind ${addresses.node}
  errors
  template ANY ANY . {
    rcode NXDOMAIN
  }
}
`;
}

const auditPolicy = stringify({
  apiVersion: 'audit.k8s.io/v1',
  kind: 'Policy',
  omitStages: ['RequestReceived'],
  rules: [{ level: 'Metadata' }],
});

/** What the registry's files are rendered from. */
type RegistryInput = Omit<ConfigurationInput, 'runc'>;

function registry(input: RegistryInput, listener: keyof typeof REGISTRY_PORTS): string {
  const { layout, addresses, registrySecret } = input;
  return stringify({
    version: 0.1,
    log: { level: 'info', accesslog: { disabled: false } },
    storage: { filesystem: { rootdirectory: join(layout.root, 'registry') }, delete: { enabled: true } },
    auth: { htpasswd: { realm: 'loco', path: join(layout.configuration, 'htpasswd') } },
    http: {
      addr: `${addresses.node}:${REGISTRY_PORTS[listener]}`,
      secret: registrySecret,
      ...(listener === 'tls'
        ? { tls: { certificate: join(layout.pki, 'registry.crt'), key: join(layout.pki, 'registry.key') } }
        : {}),
    },
  });
}

/** The pod that makes and removes a volume's folder; it is root, like the kubelet would be. */
export const helperPod = stringify({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'helper-pod' },
  spec: {
    containers: [{ name: 'helper-pod', image: NODE_IMAGES.busybox, imagePullPolicy: 'Never' }],
  },
});

/** What local-path-provisioner reads, here and in its ConfigMap. */
export function storageConfiguration(layout: Layout): string {
  const volumes = join(layout.root, 'volumes');
  return JSON.stringify({ nodePathMap: [{ node: 'DEFAULT_PATH_FOR_NON_LISTED_NODES', paths: [volumes] }] });
}

/** The files of the registry's two listeners. */
export function renderRegistryConfigurations(input: RegistryInput): Readonly<Record<string, string>> {
  return { 'registry-tls.yaml': registry(input, 'tls'), 'registry-plain.yaml': registry(input, 'plain') };
}

/** Every configuration file by its path below the layout's configuration folder. */
export function renderConfigurations(input: ConfigurationInput): Readonly<Record<string, string>> {
  return {
    'containerd.toml': containerd(input),
    'cni/10-loco.conflist': network(input),
    'kubelet.yaml': kubelet(input),
    'kube-proxy.yaml': kubeProxy(input),
    Corefile: coredns(input),
    'audit-policy.yaml': auditPolicy,
    ...renderRegistryConfigurations(input),
    'storage.json': storageConfiguration(input.layout),
    'helper-pod.yaml': helperPod,
    // Pods and node have no name server beside the cluster's.
    'resolv.conf': '',
  };
}
