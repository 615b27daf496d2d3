import type {
  V1Container,
  V1EnvVar,
  V1PodTemplateSpec,
  V1Probe,
  V1ResourceRequirements,
  V1SecurityContext,
} from '@kubernetes/client-node';
import type { EmulatorSpec } from '../../../api/emulator/schema.ts';
import { ENVIRONMENT, INIT_CONTAINER, MAIN_CONTAINER, POD_USER, PORTS } from '../../../contract/pod.ts';
import { podGracePeriodSeconds } from '../../../contract/shutdown.ts';
import { formatBytes, MIB, parseQuantity } from '../../quantity.ts';
import { objectLabels } from '../names.ts';
import { machineSettings } from './machine-settings.ts';
import { requiredMemoryMiB } from './memory.ts';
import type { Owner } from './owner.ts';
import { podVolumes, volumeMounts } from './volumes.ts';

/** What a machine asks of the scheduler when the user says nothing; idle Windows 98 halts its processor. */
const DEFAULT_CPU_REQUEST = '100m';

const CONTAINER_SECURITY: V1SecurityContext = {
  allowPrivilegeEscalation: false,
  capabilities: { drop: ['ALL'] },
  readOnlyRootFilesystem: true,
  runAsNonRoot: true,
};

function environment(owner: Owner, spec: EmulatorSpec): V1EnvVar[] {
  const field = (name: string, fieldPath: string): V1EnvVar => ({
    name,
    valueFrom: { fieldRef: { apiVersion: 'v1', fieldPath } },
  });
  return [
    field(ENVIRONMENT.podName, 'metadata.name'),
    field(ENVIRONMENT.podNamespace, 'metadata.namespace'),
    field(ENVIRONMENT.podUid, 'metadata.uid'),
    field(ENVIRONMENT.podIP, 'status.podIP'),
    { name: ENVIRONMENT.emulatorName, value: owner.name },
    { name: ENVIRONMENT.machine, value: JSON.stringify(machineSettings(spec)) },
  ];
}

function probe(path: string, periodSeconds: number, failureThreshold: number): V1Probe {
  return { httpGet: { path, port: PORTS.agent }, periodSeconds, failureThreshold, timeoutSeconds: 5 };
}

/** Request and limit of memory are equal and computed: the machine's memory is promised to the guest. */
function resources(spec: EmulatorSpec): V1ResourceRequirements {
  const given = spec.pod.resources;
  const memory = given.limits?.['memory'] ?? given.requests?.['memory'] ?? formatBytes(requiredMemoryMiB(spec) * MIB);
  const device: Record<string, string> =
    spec.machine.acceleration === 'KVM' && spec.machine.kvmResourceName !== ''
      ? { [spec.machine.kvmResourceName]: '1' }
      : {};
  const cpu = given.limits?.['cpu'] === undefined ? { cpu: DEFAULT_CPU_REQUEST } : {};
  return {
    requests: { ...cpu, ...given.requests, ...device, memory },
    limits: { ...given.limits, ...device, memory },
  };
}

/** Memory of the limit a user gave that is too small for the guest, in bytes; undefined when all is well. */
export function tooSmallMemoryLimit(spec: EmulatorSpec): number | undefined {
  const given = spec.pod.resources.limits?.['memory'] ?? spec.pod.resources.requests?.['memory'];
  const bytes = given === undefined ? undefined : parseQuantity(given);
  return bytes !== undefined && bytes < requiredMemoryMiB(spec) * MIB ? bytes : undefined;
}

function containers(owner: Owner, spec: EmulatorSpec, image: string): { init: V1Container; main: V1Container } {
  const shared = {
    image,
    imagePullPolicy: spec.imagePullPolicy,
    env: environment(owner, spec),
    resources: resources(spec),
    volumeMounts: volumeMounts(spec),
    securityContext: CONTAINER_SECURITY,
    terminationMessagePolicy: 'File',
  };
  return {
    init: { name: INIT_CONTAINER, args: ['prepare'], ...shared },
    main: {
      name: MAIN_CONTAINER,
      args: ['run'],
      ...shared,
      ports: [
        { name: 'agent', containerPort: PORTS.agent, protocol: 'TCP' },
        { name: 'vnc', containerPort: PORTS.vnc, protocol: 'TCP' },
        { name: 'vnc-websocket', containerPort: PORTS.vncWebSocket, protocol: 'TCP' },
      ],
      startupProbe: probe('/healthz', 2, 60),
      readinessProbe: probe('/readyz', 3, 2),
      livenessProbe: probe('/healthz', 10, 6),
    },
  };
}

/** What the user may say about scheduling; empty settings stay out of the template. */
function scheduling(spec: EmulatorSpec): Record<string, unknown> {
  const { pod } = spec;
  const present = Object.entries({
    nodeSelector: pod.nodeSelector,
    tolerations: pod.tolerations,
    affinity: pod.affinity,
    topologySpreadConstraints: pod.topologySpreadConstraints,
    priorityClassName: pod.priorityClassName,
    runtimeClassName: pod.runtimeClassName,
    imagePullSecrets: spec.imagePullSecrets,
  }).filter(([, value]) => (typeof value === 'string' ? value !== '' : Object.keys(value).length > 0));
  return Object.fromEntries(present);
}

/** The pod of one machine. Everything in it that changes asks for a restart, so only what must be is in it. */
export function renderPodTemplate(owner: Owner, spec: EmulatorSpec, image: string): V1PodTemplateSpec {
  const { init, main } = containers(owner, spec, image);
  return {
    metadata: {
      labels: { ...spec.pod.labels, ...objectLabels(owner.name) },
      ...(Object.keys(spec.pod.annotations).length === 0 ? {} : { annotations: spec.pod.annotations }),
    },
    spec: {
      ...scheduling(spec),
      automountServiceAccountToken: false,
      enableServiceLinks: false,
      terminationGracePeriodSeconds: podGracePeriodSeconds(spec.shutdown.gracePeriodSeconds),
      securityContext: {
        runAsNonRoot: true,
        runAsUser: POD_USER,
        runAsGroup: POD_USER,
        fsGroup: POD_USER,
        fsGroupChangePolicy: 'OnRootMismatch',
        seccompProfile: { type: 'RuntimeDefault' },
      },
      initContainers: [init],
      containers: [main],
      volumes: podVolumes(owner, spec),
    },
  };
}
