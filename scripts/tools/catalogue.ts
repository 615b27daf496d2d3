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

const kubernetes = (name: string) => `k8s.io/kubernetes/cmd/${name}`;
const containerd = (name: string) => `github.com/containerd/containerd/v2/cmd/${name}`;

/** In the order in which a fresh checkout needs them. */
const modules = [
  { folder: 'oras', packages: { oras: 'oras.land/oras/cmd/oras' } },
  { folder: 'helm', packages: { helm: 'helm.sh/helm/v4/cmd/helm' } },
  {
    folder: 'kubernetes',
    packages: {
      kubectl: kubernetes('kubectl'),
      'kube-apiserver': kubernetes('kube-apiserver'),
      'kube-controller-manager': kubernetes('kube-controller-manager'),
      kubelet: kubernetes('kubelet'),
      'kube-scheduler': kubernetes('kube-scheduler'),
      'kube-proxy': kubernetes('kube-proxy'),
    },
    // Without it the server names itself v0.0.0-master and clients refuse to compare versions.
    linkerVariables: ['k8s.io/component-base/version.gitVersion=v1.36.3'],
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
  { folder: 'kwok', packages: { kwok: 'sigs.k8s.io/kwok/cmd/kwok' } },
  // The peer that `npm run bench -- operator` measures with.
  { folder: 'rabbitmq-operator', packages: { 'rabbitmq-operator': 'github.com/rabbitmq/cluster-operator/v2/cmd' } },
  { folder: 'toxiproxy', packages: { toxiproxy: 'github.com/Shopify/toxiproxy/v2/cmd/server' } },
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

/** Built when a provider, a bench or a suite asks for them. */
const OTHER_TOOLS = ['kind', 'kwok', 'rabbitmq-operator', 'toxiproxy'] as const satisfies readonly ToolName[];

/** A tool of the local cluster or of the tests on it. */
export type ClusterTool = Exclude<ToolName, (typeof OTHER_TOOLS)[number]>;

export const CLUSTER_TOOLS: readonly ClusterTool[] = allTools
  .map((tool) => tool.name)
  .filter((name): name is ClusterTool => !(OTHER_TOOLS as readonly ToolName[]).includes(name));

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
