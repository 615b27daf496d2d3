import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { ToolName } from '../../tools.ts';
import { API_PORT, apiServer, type Component, controllers, storeComponent } from '../local/components.ts';
import type { Addresses, Layout } from '../local/layout.ts';

/** Names of everything that a simulated cluster can consist of, in the order in which it is started. */
export const COMPONENTS = [
  'etcd',
  'kube-apiserver',
  'kube-controller-manager',
  'kube-scheduler',
  'kwok',
  'agents',
] as const;

export type ComponentName = (typeof COMPONENTS)[number];

/** The programs behind them; `node` is the one that runs this project. */
export type Program = Extract<ToolName, ComponentName | 'kubectl' | 'pause'> | 'node';

export type SimulatedComponent = Component<Program> & { readonly name: ComponentName };

/** Where the stub of every pod's agent listens: where real ones do. */
const AGENT_PORT = 8080;
const KUBELET_PORT = 10247;

/** Client limits that leave the work to whoever is measured; the defaults are 20 and 30 requests per second. */
const CLIENT_LIMITS = ['--kube-api-qps=500', '--kube-api-burst=1000'];

/** Where Kubernetes keeps what it knows, and the API. Nothing else is needed to keep objects and watch them. */
function apiComponents(layout: Layout, addresses: Addresses): readonly SimulatedComponent[] {
  const store = storeComponent(layout);
  const server = apiServer(layout, addresses);
  const metrics = `http://${addresses.node}:2381`;
  return [
    {
      ...store,
      name: 'etcd',
      args: [...store.args, `--listen-metrics-urls=${metrics}`],
      readiness: { kind: 'http', url: `${metrics}/readyz`, status: 200 },
    },
    {
      ...server,
      name: 'kube-apiserver',
      // Who counts requests needs all of them in one file, in the order in which they were answered (in MiB).
      args: [...server.args, '--audit-log-maxsize=1000000', '--audit-log-mode=blocking'],
    },
  ];
}

/** What makes pods of StatefulSets and gives them nodes. */
function controlComponents(layout: Layout, addresses: Addresses): readonly SimulatedComponent[] {
  const ports = { 'kube-controller-manager': 10257, 'kube-scheduler': 10259 };
  const more = {
    'kube-controller-manager': [
      '--concurrent-statefulset-syncs=20',
      // The stub of the agents gives claims their volumes.
      '--controllers=*,-persistentvolume-binder-controller,-persistentvolume-expander-controller',
      // Nodes that are made up aren't lost because this machine is busy, or because somebody stopped kwok on purpose.
      '--node-monitor-grace-period=24h',
    ],
    'kube-scheduler': [],
  };
  return controllers(layout).map((component) => ({
    ...component,
    name: component.tool,
    args: [...component.args, `--bind-address=${addresses.node}`, ...CLIENT_LIMITS, ...more[component.tool]],
    readiness: { kind: 'http', url: `https://${addresses.node}:${ports[component.tool]}/healthz`, status: 200 },
  }));
}

/** What stands in for kubelets, for volumes, and for the agents inside the pods. */
function nodeComponents(layout: Layout, addresses: Addresses): readonly SimulatedComponent[] {
  const kubeconfig = (name: string) => join(layout.configuration, `${name}.kubeconfig`);
  const pki = (file: string) => join(layout.pki, file);
  return [
    {
      name: 'kwok',
      purpose: 'says of nodes and pods that they run',
      tool: 'kwok',
      args: [
        `--kubeconfig=${kubeconfig('kwok')}`,
        `--config=${join(layout.configuration, 'kwok.yaml')}`,
        '--manage-all-nodes',
        `--cidr=${addresses.podSubnet}`,
        `--node-ip=${addresses.node}`,
        `--node-port=${KUBELET_PORT}`,
        `--server-address=${addresses.node}:${KUBELET_PORT}`,
        `--tls-cert-file=${pki('kubelet.crt')}`,
        `--tls-private-key-file=${pki('kubelet.key')}`,
      ],
      readiness: { kind: 'http', url: `https://${addresses.node}:${KUBELET_PORT}/healthz`, status: 200 },
      afterApiServer: true,
    },
    {
      name: 'agents',
      purpose: "answers as every pod's agent, and makes a volume for each claim",
      tool: 'node',
      args: [fileURLToPath(new URL('agents/main.ts', import.meta.url)), kubeconfig('agents'), String(AGENT_PORT)],
      readiness: { kind: 'http', url: `http://${addresses.node}:${AGENT_PORT}/healthz`, status: 200 },
      afterApiServer: true,
    },
  ];
}

/** Every process of the cluster in the order in which they are started; `api`: those of the API alone. */
export function componentsOf(
  parts: 'all' | 'api',
  layout: Layout,
  addresses: Addresses,
): readonly SimulatedComponent[] {
  const api = apiComponents(layout, addresses);
  return parts === 'api'
    ? api
    : [...api, ...controlComponents(layout, addresses), ...nodeComponents(layout, addresses)];
}

/** What a program in a pod is told about where the API is. */
export function serviceEnvironment(addresses: Addresses): Readonly<Record<string, string>> {
  return { KUBERNETES_SERVICE_HOST: addresses.node, KUBERNETES_SERVICE_PORT: String(API_PORT) };
}
