import { join } from 'node:path';
import type { ClusterTool } from '../../tools.ts';
import { type Addresses, type Layout, NODE_IMAGES, NODE_PATHS, REGISTRY_PORTS } from './layout.ts';

/** How it is known that a component does its work. */
export type Readiness =
  | { readonly kind: 'http'; readonly url: string; readonly status: number }
  /** It runs; what it does shows in the node's being Ready. */
  | { readonly kind: 'process' };

/** A process of the cluster; `Program` are the names of the programs that there are. */
export interface Component<Program extends string = ClusterTool> {
  readonly name: string;
  /** What it is for, in plain words. */
  readonly purpose: string;
  readonly tool: Program;
  readonly args: readonly string[];
  readonly readiness: Readiness;
  /** Started once the API server answers. */
  readonly afterApiServer: boolean;
  /** Variables of its own. */
  readonly environment?: Readonly<Record<string, string>>;
}

export const API_PORT = 6443;

export function apiServerUrl(addresses: Addresses): string {
  return `https://${addresses.node}:${API_PORT}`;
}

export function storeComponent(layout: Layout): Component<'etcd'> {
  const client = 'http://127.0.0.1:2379';
  return {
    name: 'etcd',
    purpose: 'keeps what the API server knows',
    tool: 'etcd',
    args: [
      `--data-dir=${join(layout.root, 'etcd')}`,
      `--listen-client-urls=${client}`,
      `--advertise-client-urls=${client}`,
      '--listen-peer-urls=http://127.0.0.1:2380',
      // A test cluster would rather be fast than outlive a power cut.
      '--unsafe-no-fsync',
      '--log-level=warn',
    ],
    readiness: { kind: 'process' },
    afterApiServer: false,
  };
}

export function apiServer(layout: Layout, addresses: Addresses): Component<'kube-apiserver'> {
  const pki = (file: string) => join(layout.pki, file);
  return {
    name: 'kube-apiserver',
    purpose: 'the Kubernetes API',
    tool: 'kube-apiserver',
    args: [
      '--etcd-servers=http://127.0.0.1:2379',
      `--bind-address=${addresses.node}`,
      `--secure-port=${API_PORT}`,
      `--advertise-address=${addresses.node}`,
      `--tls-cert-file=${pki('apiserver.crt')}`,
      `--tls-private-key-file=${pki('apiserver.key')}`,
      `--client-ca-file=${pki('ca.crt')}`,
      `--service-account-key-file=${pki('service-account.pub')}`,
      `--service-account-signing-key-file=${pki('service-account.key')}`,
      '--service-account-issuer=https://kubernetes.default.svc',
      `--service-cluster-ip-range=${addresses.serviceSubnet}`,
      '--authorization-mode=Node,RBAC',
      // The second asks, of who makes an object with a blocking owner, for the right to that owner's finalizers.
      '--enable-admission-plugins=NodeRestriction,OwnerReferencesPermissionEnforcement',
      '--allow-privileged=true',
      `--kubelet-certificate-authority=${pki('ca.crt')}`,
      `--kubelet-client-certificate=${pki('admin.crt')}`,
      `--kubelet-client-key=${pki('admin.key')}`,
      '--kubelet-preferred-address-types=InternalIP',
      `--audit-policy-file=${join(layout.configuration, 'audit-policy.yaml')}`,
      `--audit-log-path=${layout.auditLog}`,
      '--audit-log-maxsize=200',
      '--audit-log-maxbackup=1',
    ],
    readiness: { kind: 'http', url: `${apiServerUrl(addresses)}/readyz`, status: 200 },
    afterApiServer: false,
  };
}

export function controllers(layout: Layout): readonly Component<'kube-controller-manager' | 'kube-scheduler'>[] {
  const pki = (file: string) => join(layout.pki, file);
  const kubeconfig = (name: string) => `--kubeconfig=${join(layout.configuration, `${name}.kubeconfig`)}`;
  return [
    {
      name: 'kube-controller-manager',
      purpose: 'Deployments, StatefulSets, garbage collection',
      tool: 'kube-controller-manager',
      args: [
        kubeconfig('kube-controller-manager'),
        `--service-account-private-key-file=${pki('service-account.key')}`,
        `--root-ca-file=${pki('ca.crt')}`,
        `--cluster-signing-cert-file=${pki('ca.crt')}`,
        `--cluster-signing-key-file=${pki('ca.key')}`,
        '--use-service-account-credentials',
        '--leader-elect=false',
        '--bind-address=127.0.0.1',
      ],
      readiness: { kind: 'process' },
      afterApiServer: true,
    },
    {
      name: 'kube-scheduler',
      purpose: 'gives each pod its node',
      tool: 'kube-scheduler',
      args: [kubeconfig('kube-scheduler'), '--leader-elect=false', '--bind-address=127.0.0.1'],
      readiness: { kind: 'process' },
      afterApiServer: true,
    },
  ];
}

function nodeComponents(layout: Layout, addresses: Addresses): readonly Component[] {
  const configuration = (file: string) => join(layout.configuration, file);
  return [
    {
      name: 'containerd',
      purpose: 'runs the containers',
      tool: 'containerd',
      args: [`--config=${configuration('containerd.toml')}`],
      readiness: { kind: 'process' },
      afterApiServer: false,
    },
    {
      name: 'kubelet',
      purpose: "runs the node's pods",
      tool: 'kubelet',
      args: [
        `--kubeconfig=${configuration('kubelet.kubeconfig')}`,
        `--config=${configuration('kubelet.yaml')}`,
        `--root-dir=${NODE_PATHS.kubelet}`,
        `--hostname-override=${layout.name}`,
        `--node-ip=${addresses.node}`,
      ],
      readiness: { kind: 'process' },
      afterApiServer: true,
    },
    {
      name: 'kube-proxy',
      purpose: 'Service addresses',
      tool: 'kube-proxy',
      args: [`--config=${configuration('kube-proxy.yaml')}`, `--hostname-override=${layout.name}`],
      readiness: { kind: 'process' },
      afterApiServer: true,
    },
  ];
}

function addOns(layout: Layout, addresses: Addresses): readonly Component[] {
  const configuration = (file: string) => join(layout.configuration, file);
  return [
    {
      name: 'coredns',
      purpose: 'names of Services and of the registry',
      tool: 'coredns',
      args: ['-conf', configuration('Corefile')],
      readiness: { kind: 'http', url: `http://${addresses.node}:8181/ready`, status: 200 },
      afterApiServer: true,
    },
    {
      name: 'local-path-provisioner',
      purpose: 'makes volumes for PersistentVolumeClaims',
      tool: 'local-path-provisioner',
      args: [
        'start',
        '--kubeconfig',
        configuration('local-path-provisioner.kubeconfig'),
        '--config',
        configuration('storage.json'),
        '--helper-pod-file',
        configuration('helper-pod.yaml'),
        '--helper-image',
        NODE_IMAGES.busybox,
        '--namespace',
        'local-path-storage',
        '--service-account-name',
        'default',
      ],
      readiness: { kind: 'process' },
      afterApiServer: true,
    },
  ];
}

/** The registry's two listeners. */
export function registryComponents(layout: Layout, addresses: Addresses): readonly Component<'registry'>[] {
  const listener = (name: keyof typeof REGISTRY_PORTS, scheme: string, what: string): Component<'registry'> => ({
    name: `registry-${name}`,
    purpose: `container registry over ${what}`,
    tool: 'registry',
    args: ['serve', join(layout.configuration, `registry-${name}.yaml`)],
    readiness: { kind: 'http', url: `${scheme}://${addresses.node}:${REGISTRY_PORTS[name]}/v2/`, status: 401 },
    afterApiServer: false,
  });
  return [listener('tls', 'https', 'TLS'), listener('plain', 'http', 'plain HTTP')];
}

/** Every process of the cluster, in the order in which they are started. */
export function allComponents(layout: Layout, addresses: Addresses): readonly Component[] {
  return [
    storeComponent(layout),
    apiServer(layout, addresses),
    ...nodeComponents(layout, addresses),
    ...registryComponents(layout, addresses),
    ...controllers(layout),
    ...addOns(layout, addresses),
  ];
}
