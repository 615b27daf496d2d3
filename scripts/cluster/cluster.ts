/** Two listeners over one store, with the same user and password for pulling and pushing. */
export interface ClusterRegistry {
  /** `address:port` over TLS, by a certificate of its own authority; reached from pods and from this machine. */
  readonly tls: string;
  /** `address:port` over plain HTTP. */
  readonly plain: string;
  /** A DNS name and port that pods resolve; the name stands in the TLS certificate. */
  readonly hostname: string;
  readonly caFile: string;
  readonly username: string;
  readonly password: string;
  /** Ends both listeners and keeps what was pushed. */
  stop(): Promise<void>;
  start(): Promise<void>;
}

/** A Kubernetes cluster that answers. */
export interface Cluster {
  readonly provider: 'given' | 'kind' | 'local';
  readonly name: string;
  /** Path of an administrator's kubeconfig. */
  readonly kubeconfig: string;
  /** Paths of the tools that speak to it. */
  readonly kubectl: string;
  readonly helm: string;
  readonly oras: string;
  /** Absent where the cluster has none. */
  readonly registry?: ClusterRegistry;
  /** Path of the API server's audit log (level Metadata), where it can be read. */
  readonly auditLog?: string;
  /** Present where the node's own processes are ours. */
  readonly node?: {
    restartKubelet(): Promise<void>;
    restartContainerd(): Promise<void>;
    /** SIGKILL to a running container of a pod, past kubelet and pod. */
    killContainer(namespace: string, pod: string, container: string): Promise<void>;
    /** SIGSTOP to the same: it falls silent, and nobody is told. */
    stopContainer(namespace: string, pod: string, container: string): Promise<void>;
    /** Runs a program among the node's own, with its mounts and network; its standard output. */
    run(command: readonly string[]): Promise<string>;
  };
  /** Copies an image from this machine's image storage into the nodes; nothing is done when it is there already. */
  load(image: string): Promise<void>;
  /** Removes the cluster and all that belongs to it. A given cluster is left as it is. */
  down(): Promise<void>;
}
