/** What decides how a kind cluster is made. */
export interface KindInput {
  /** Where the API server is published; kind chooses where it isn't given. */
  readonly apiServer?: { readonly address: string; readonly port: number };
  /** A home-made node has no network add-on. */
  readonly homeMade: boolean;
  readonly hasSysResource: boolean;
}

/** Kubernetes 1.36 refuses machines with control groups of version 1 unless it is told not to. */
const kubelet = JSON.stringify({
  apiVersion: 'kubelet.config.k8s.io/v1beta1',
  kind: 'KubeletConfiguration',
  failCgroupV1: false,
});

/** Machines without CAP_SYS_RESOURCE can't lower a process's score. */
const keepScores = `[plugins."io.containerd.grpc.v1.cri"]
  restrict_oom_score_adj = true
`;

/** kind's configuration of a cluster with one node, as JSON, which is YAML too. */
export function kindConfiguration({ apiServer, homeMade, hasSysResource }: KindInput): string {
  return JSON.stringify({
    kind: 'Cluster',
    apiVersion: 'kind.x-k8s.io/v1alpha4',
    networking: {
      ...(apiServer === undefined ? {} : { apiServerAddress: apiServer.address, apiServerPort: apiServer.port }),
      ...(homeMade ? { disableDefaultCNI: true } : {}),
    },
    kubeadmConfigPatches: [kubelet],
    ...(hasSysResource ? {} : { containerdConfigPatches: [keepScores] }),
    nodes: [{ role: 'control-plane' }],
  });
}

/** The pods' network of a node without an add-on; it enforces no NetworkPolicy. */
export function podNetwork(podSubnet: string): string {
  return JSON.stringify({
    cniVersion: '1.0.0',
    name: 'loco',
    plugins: [
      {
        type: 'ptp',
        ipMasq: true,
        ipam: {
          type: 'host-local',
          dataDir: '/run/cni-ipam-state',
          ranges: [[{ subnet: podSubnet }]],
          routes: [{ dst: '0.0.0.0/0' }],
        },
      },
      { type: 'portmap', capabilities: { portMappings: true } },
    ],
  });
}

/** CoreDNS beside our own registry, in a network without a way out: other names are answered as unknown at once. */
export function corefile(registry: { readonly host: string; readonly address: string }): string {
  return `cluster.local:53 in-addr.arpa:53 ip6.arpa:53 {
    errors
    kubernetes cluster.local in-addr.arpa ip6.arpa {
        pods insecure
        ttl 30
    }
}
${registry.host}:53 {
    errors
    hosts {
        ${registry.address} ${registry.host}
    }
}
.:53 {
    errors
    health {
        lameduck 5s
    }
    ready
    template ANY ANY . {
        rcode NXDOMAIN
    }
    reload
}
`;
}
