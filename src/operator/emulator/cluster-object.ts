import type { KubeObject } from '../../kube/object.ts';

/** The parts of Kubernetes' own objects that are read; everything is optional that the API server may leave out. */

export interface StatefulSetObject extends KubeObject {
  readonly spec?: {
    readonly replicas?: number;
    readonly volumeClaimTemplates?: readonly {
      readonly metadata?: { readonly annotations?: Readonly<Record<string, string>> };
      readonly spec?: { readonly resources?: { readonly requests?: Readonly<Record<string, string>> } };
    }[];
  };
  readonly status?: { readonly observedGeneration?: number; readonly updateRevision?: string };
}

export interface ConfigMapObject extends KubeObject {
  readonly data?: Readonly<Record<string, string>>;
}

/** How a container ended. */
export interface ContainerEnd {
  readonly reason?: string;
  /** What the container left in its termination file; of our agent its last report, as JSON. */
  readonly message?: string;
  readonly exitCode?: number;
  readonly finishedAt?: string;
}

export interface ContainerStatus {
  readonly name: string;
  readonly restartCount?: number;
  readonly state?: {
    readonly running?: object;
    readonly waiting?: { readonly reason?: string; readonly message?: string };
    readonly terminated?: ContainerEnd;
  };
  /** How it ended before it was started again. */
  readonly lastState?: { readonly terminated?: ContainerEnd };
}

export interface PodObject extends KubeObject {
  readonly spec?: {
    readonly volumes?: readonly { readonly persistentVolumeClaim?: { readonly claimName?: string } }[];
  };
  readonly status?: {
    readonly phase?: string;
    /** Why the whole pod failed, such as `Evicted`. */
    readonly reason?: string;
    readonly message?: string;
    readonly podIP?: string;
    readonly conditions?: readonly {
      readonly type: string;
      readonly status: string;
      readonly reason?: string;
      readonly message?: string;
      readonly lastTransitionTime?: string;
    }[];
    readonly initContainerStatuses?: readonly ContainerStatus[];
    readonly containerStatuses?: readonly ContainerStatus[];
  };
}

export interface ClaimObject extends KubeObject {
  readonly spec?: { readonly resources?: { readonly requests?: Readonly<Record<string, string>> } };
  readonly status?: { readonly phase?: string; readonly capacity?: Readonly<Record<string, string>> };
}
