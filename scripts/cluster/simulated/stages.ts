/**
 * What kwok does to nodes and pods, and when: a node is Ready at once, a pod that has a node
 * gets its address at once and is Ready a second later, and one that is to go is gone. Templates are those of kwok's own stages without what nobody here looks at.
 */

interface Stage {
  readonly kind: 'Node' | 'Pod';
  readonly expressions: readonly object[];
  readonly next: object;
  /** Milliseconds until it takes place; at once unless told. */
  readonly delayMs?: number;
}

/** From a pod's address to its being Ready; its agent says a little earlier that it is (agents/boot.ts). */
const POD_BOOT_MS = 1000;

const DELETION = '.metadata.deletionTimestamp';
const READY = '.status.conditions.[] | select( .type == "Ready" ) | .status';

const NODE_STATUS = `{{ $now := Now }}
conditions:
{{ range NodeConditions }}
- lastHeartbeatTime: {{ $now | Quote }}
  lastTransitionTime: {{ $now | Quote }}
  message: {{ .message | Quote }}
  reason: {{ .reason | Quote }}
  status: {{ .status | Quote }}
  type: {{ .type | Quote }}
{{ end }}
addresses:
- address: {{ NodeIP | Quote }}
  type: InternalIP
- address: {{ NodeName | Quote }}
  type: Hostname
daemonEndpoints:
  kubeletEndpoint:
    Port: {{ NodePort }}
phase: Running
`;

/** The pod has its address, and its first container runs. */
const STARTED_STATUS = `{{ $now := Now }}
conditions:
{{ range $type := list "Initialized" "Ready" "ContainersReady" }}
- lastTransitionTime: {{ $now | Quote }}
  status: "False"
  type: {{ $type }}
{{ end }}
initContainerStatuses:
{{ range .spec.initContainers }}
- image: {{ .image | Quote }}
  name: {{ .name | Quote }}
  ready: false
  started: true
  restartCount: 0
  state:
    running:
      startedAt: {{ $now | Quote }}
{{ end }}
containerStatuses:
{{ range .spec.containers }}
- image: {{ .image | Quote }}
  name: {{ .name | Quote }}
  ready: false
  restartCount: 0
  state:
    waiting:
      reason: PodInitializing
{{ end }}
{{ $hostIPs := NodeIPsWith .spec.nodeName }}
hostIP: {{ index $hostIPs 0 | Quote }}
hostIPs:
- ip: {{ index $hostIPs 0 | Quote }}
{{ $podIPs := PodIPsWith .spec.nodeName ( or .spec.hostNetwork false ) ( or .metadata.uid "" ) ( or .metadata.name "" ) ( or .metadata.namespace "" ) }}
podIP: {{ index $podIPs 0 | Quote }}
podIPs:
- ip: {{ index $podIPs 0 | Quote }}
phase: Pending
startTime: {{ $now | Quote }}
`;

const READY_STATUS = `{{ $now := Now }}
conditions:
{{ range $type := list "Initialized" "Ready" "ContainersReady" }}
- lastTransitionTime: {{ $now | Quote }}
  status: "True"
  type: {{ $type }}
{{ end }}
initContainerStatuses:
{{ range .spec.initContainers }}
- image: {{ .image | Quote }}
  name: {{ .name | Quote }}
  ready: true
  restartCount: 0
  state:
    terminated:
      exitCode: 0
      finishedAt: {{ $now | Quote }}
      reason: Completed
      startedAt: {{ $now | Quote }}
{{ end }}
containerStatuses:
{{ range .spec.containers }}
- image: {{ .image | Quote }}
  name: {{ .name | Quote }}
  ready: true
  started: true
  restartCount: 0
  state:
    running:
      startedAt: {{ $now | Quote }}
{{ end }}
phase: Running
`;

const PENDING = [
  { key: DELETION, operator: 'DoesNotExist' },
  { key: '.status.phase', operator: 'In', values: ['Pending'] },
];

const STAGES: Readonly<Record<string, Stage>> = {
  'node-ready': {
    kind: 'Node',
    expressions: [{ key: READY, operator: 'NotIn', values: ['True'] }],
    next: { statusTemplate: NODE_STATUS },
  },
  'pod-started': {
    kind: 'Pod',
    expressions: [...PENDING, { key: '.status.podIP', operator: 'DoesNotExist' }],
    next: { statusTemplate: STARTED_STATUS },
  },
  'pod-ready': {
    kind: 'Pod',
    expressions: [...PENDING, { key: '.status.podIP', operator: 'Exists' }],
    delayMs: POD_BOOT_MS,
    next: { statusTemplate: READY_STATUS },
  },
  'pod-delete': {
    kind: 'Pod',
    expressions: [{ key: DELETION, operator: 'Exists' }],
    next: { delete: true },
  },
};

/** The stages as kwok reads them. */
export function kwokStages(): readonly object[] {
  return Object.entries(STAGES).map(([name, { kind, expressions, next, delayMs }]) => ({
    apiVersion: 'kwok.x-k8s.io/v1alpha1',
    kind: 'Stage',
    metadata: { name },
    spec: {
      resourceRef: { apiGroup: 'v1', kind },
      selector: { matchExpressions: expressions },
      ...(delayMs === undefined ? {} : { delay: { durationMilliseconds: delayMs } }),
      next,
    },
  }));
}
