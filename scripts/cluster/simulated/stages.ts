/**
 * What kwok does to nodes and pods, and when: a node is Ready at once, so is a pod that has a node, and one that is to
 * go is gone. Templates are those of kwok's own "fast" stages without what nobody here looks at.
 */

interface Stage {
  readonly kind: 'Node' | 'Pod';
  readonly expressions: readonly object[];
  readonly next: object;
}

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

const POD_STATUS = `{{ $now := Now }}
conditions:
{{ range $type := list "Initialized" "Ready" "ContainersReady" }}
- lastTransitionTime: {{ $now | Quote }}
  status: "True"
  type: {{ $type }}
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
{{ $hostIPs := NodeIPsWith .spec.nodeName }}
hostIP: {{ index $hostIPs 0 | Quote }}
hostIPs:
- ip: {{ index $hostIPs 0 | Quote }}
{{ $podIPs := PodIPsWith .spec.nodeName ( or .spec.hostNetwork false ) ( or .metadata.uid "" ) ( or .metadata.name "" ) ( or .metadata.namespace "" ) }}
podIP: {{ index $podIPs 0 | Quote }}
podIPs:
- ip: {{ index $podIPs 0 | Quote }}
phase: Running
startTime: {{ $now | Quote }}
`;

const STAGES: Readonly<Record<string, Stage>> = {
  'node-ready': {
    kind: 'Node',
    expressions: [{ key: READY, operator: 'NotIn', values: ['True'] }],
    next: { statusTemplate: NODE_STATUS },
  },
  'pod-ready': {
    kind: 'Pod',
    expressions: [
      { key: DELETION, operator: 'DoesNotExist' },
      { key: '.status.phase', operator: 'In', values: ['Pending'] },
      { key: READY, operator: 'NotIn', values: ['True'] },
    ],
    next: { statusTemplate: POD_STATUS },
  },
  'pod-delete': {
    kind: 'Pod',
    expressions: [{ key: DELETION, operator: 'Exists' }],
    next: { delete: true },
  },
};

/** The stages as kwok reads them. */
export function kwokStages(): readonly object[] {
  return Object.entries(STAGES).map(([name, { kind, expressions, next }]) => ({
    apiVersion: 'kwok.x-k8s.io/v1alpha1',
    kind: 'Stage',
    metadata: { name },
    spec: { resourceRef: { apiGroup: 'v1', kind }, selector: { matchExpressions: expressions }, next },
  }));
}
