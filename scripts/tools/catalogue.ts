/** A Go module below `tools/` that pins one or more tools; their requirements clash, so each has its own. */
interface ToolModule {
  /** Folder below `tools/`. */
  readonly folder: string;
  /** Package to build per tool. */
  readonly packages: Readonly<Record<string, string>>;
  /** Linked with C: needs gcc and these Debian packages. Absent: a static binary. */
  readonly debianPackages?: readonly string[];
  readonly tags?: string;
  /** `-X` settings for the linker, beside stripping. */
  readonly linkerVariables?: readonly string[];
}

/** The Kubernetes versions that can be built, by their minor version. */
export const KUBERNETES_VERSIONS = { '1.34': '1.34.4', '1.35': '1.35.4', '1.36': '1.36.3' } as const;

export type KubernetesMinor = keyof typeof KUBERNETES_VERSIONS;

/** What is built unless another is asked for, and what `npm test` runs on. */
export const DEFAULT_KUBERNETES = '1.36' satisfies KubernetesMinor;

export const DEFAULT_KUBERNETES_VERSION = KUBERNETES_VERSIONS[DEFAULT_KUBERNETES];

const KUBERNETES_FOLDER = 'kubernetes';

/** Without it the server names itself v0.0.0-master and clients refuse to compare versions. */
const kubernetesVariables = (minor: KubernetesMinor) => [
  `k8s.io/component-base/version.gitVersion=v${KUBERNETES_VERSIONS[minor]}`,
];

const kubernetes = (name: string) => `k8s.io/kubernetes/cmd/${name}`;
const containerd = (name: string) => `github.com/containerd/containerd/v2/cmd/${name}`;

/** In the order in which a fresh checkout needs them. */
const modules = [
  { folder: 'oras', packages: { oras: 'oras.land/oras/cmd/oras' } },
  { folder: 'helm', packages: { helm: 'helm.sh/helm/v4/cmd/helm' } },
  {
    folder: KUBERNETES_FOLDER,
    packages: {
      kubectl: kubernetes('kubectl'),
      'kube-apiserver': kubernetes('kube-apiserver'),
      'kube-controller-manager': kubernetes('kube-controller-manager'),
      kubelet: kubernetes('kubelet'),
      'kube-scheduler': kubernetes('kube-scheduler'),
      'kube-proxy': kubernetes('kube-proxy'),
    },
    linkerVariables: kubernetesVariables(DEFAULT_KUBERNETES),
  },
  { folder: 'etcd', packages: { etcd: 'go.etcd.io/etcd/server/v3' } },
  {
    folder: 'containerd',
    packages: {
      containerd: containerd('containerd'),
      'containerd-shim-runc-v2': containerd('containerd-shim-runc-v2'),
      ctr: containerd('ctr'),
    },
  },
  {
    folder: 'runc',
    packages: { runc: 'github.com/opencontainers/runc' },
    debianPackages: ['gcc', 'libc6-dev', 'libseccomp-dev', 'pkg-config'],
    tags: 'seccomp',
  },
  { folder: 'registry', packages: { registry: 'github.com/distribution/distribution/v3/cmd/registry' } },
  {
    folder: 'local-path-provisioner',
    packages: { 'local-path-provisioner': 'github.com/rancher/local-path-provisioner' },
  },
  { folder: 'coredns', packages: { coredns: 'github.com/coredns/coredns' } },
  { folder: 'pause', packages: { pause: '.' } },
  { folder: 'kind', packages: { kind: 'sigs.k8s.io/kind' } },
  {
    folder: 'kubeadm',
    packages: { kubeadm: kubernetes('kubeadm') },
    linkerVariables: kubernetesVariables(DEFAULT_KUBERNETES),
  },
  { folder: 'kwok', packages: { kwok: 'sigs.k8s.io/kwok/cmd/kwok' } },
  // The peer that `npm run bench -- operator` measures with.
  { folder: 'rabbitmq-operator', packages: { 'rabbitmq-operator': 'github.com/rabbitmq/cluster-operator/v2/cmd' } },
  { folder: 'toxiproxy', packages: { toxiproxy: 'github.com/Shopify/toxiproxy/v2/cmd/server' } },
  // What the chart, its alerts and its dashboard are looked through with.
  { folder: 'kubeconform', packages: { kubeconform: 'github.com/yannh/kubeconform/cmd/kubeconform' } },
  { folder: 'kube-score', packages: { 'kube-score': 'github.com/zegl/kube-score/cmd/kube-score' } },
  {
    folder: 'promtool',
    packages: { promtool: 'github.com/prometheus/prometheus/cmd/promtool' },
    // Rules and series come from files: without the clients of the clouds that Prometheus finds targets in.
    tags: 'remove_all_sd',
  },
] as const satisfies readonly ToolModule[];

type KeysOf<T> = T extends unknown ? keyof T : never;

/** A program built from a pinned Go module. */
export type ToolName = KeysOf<(typeof modules)[number]['packages']>;

/** One tool and all that decides what its binary is. */
export interface Tool extends Omit<ToolModule, 'packages'> {
  readonly name: ToolName;
  readonly package: string;
}

/** Every tool, in the order in which a fresh checkout needs them. */
export const allTools: readonly Tool[] = modules.flatMap((module: ToolModule) => {
  const { packages, ...rest } = module;
  return Object.entries(packages).map(([name, path]) => ({ ...rest, name: name as ToolName, package: path }));
});

/** Every tool, with Kubernetes' own of this minor version. */
export function toolsOf(minor: KubernetesMinor): readonly Tool[] {
  if (minor === DEFAULT_KUBERNETES) return allTools;
  return allTools.map((tool) =>
    tool.folder === KUBERNETES_FOLDER
      ? { ...tool, folder: `${KUBERNETES_FOLDER}-${minor}`, linkerVariables: kubernetesVariables(minor) }
      : tool,
  );
}

/** Built when a provider, a bench or a suite asks for them. */
const OTHER_TOOLS = [
  'kind',
  'kube-score',
  'kubeadm',
  'kubeconform',
  'kwok',
  'promtool',
  'rabbitmq-operator',
  'toxiproxy',
] as const satisfies readonly ToolName[];

/** A tool of the local cluster or of the tests on it. */
export type ClusterTool = Exclude<ToolName, (typeof OTHER_TOOLS)[number]>;

export const CLUSTER_TOOLS: readonly ClusterTool[] = allTools
  .map((tool) => tool.name)
  .filter((name): name is ClusterTool => !(OTHER_TOOLS as readonly ToolName[]).includes(name));

/** What the chart's tests look it through with. */
export const AUDIT_TOOLS = ['kubeconform', 'kube-score', 'promtool'] as const satisfies readonly ToolName[];

/** The arguments of `go` that build a tool into `output`. */
export function buildArguments(tool: Tool, output: string): readonly string[] {
  const linker = ['-s', '-w', ...(tool.linkerVariables ?? []).flatMap((variable) => ['-X', variable])];
  return [
    'build',
    '-mod=readonly',
    '-trimpath',
    ...(tool.tags === undefined ? [] : ['-tags', tool.tags]),
    '-ldflags',
    linker.join(' '),
    '-o',
    output,
    tool.package,
  ];
}
