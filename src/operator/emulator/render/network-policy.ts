import type { V1NetworkPolicy, V1NetworkPolicyPeer, V1NetworkPolicyPort } from '@kubernetes/client-node';
import type { EmulatorSpec } from '../../../api/emulator/schema.ts';
import { PORTS } from '../../../contract/pod.ts';
import { childNames, selectorLabels } from '../names.ts';
import { childMetadata, type Owner } from './owner.ts';

/** The operator's own pods, as its NetworkPolicies let them in. */
export interface OperatorPods {
  readonly namespace: string;
  readonly labels: Readonly<Record<string, string>>;
}

/** As the API server has it; the client's own model calls `from` otherwise. */
export interface NetworkPolicy extends Omit<V1NetworkPolicy, 'spec'> {
  readonly spec: {
    readonly podSelector: NonNullable<V1NetworkPolicy['spec']>['podSelector'];
    readonly policyTypes: readonly ['Ingress'];
    readonly ingress: readonly IngressRule[];
  };
}

interface IngressRule {
  readonly ports: readonly V1NetworkPolicyPort[];
  /** Absent: everyone. */
  readonly from?: readonly V1NetworkPolicyPeer[];
}

/** Label that Kubernetes itself puts on each namespace. */
const NAMESPACE_NAME = 'kubernetes.io/metadata.name';

/**
 * Who may reach the machines: the screens from where `display.access` says, the agents from the operator. What goes out
 * is left alone: the guest has its network through its pod, and only its user knows where to. Kubelet's probes and
 * `kubectl port-forward` come from the node itself, which no policy holds back.
 * @param operator absent where the operator doesn't run in a pod: then anyone may ask the agents, who want the token
 */
export function renderNetworkPolicy(
  owner: Owner,
  { display }: Pick<EmulatorSpec, 'display'>,
  operator: OperatorPods | undefined,
): NetworkPolicy {
  const agents: IngressRule = {
    ports: ports(PORTS.agent),
    ...(operator === undefined ? {} : { from: [operatorPeer(operator)] }),
  };
  // A rule without peers would let everyone in.
  const screens: IngressRule = { ports: ports(PORTS.vnc, PORTS.vncWebSocket), from: display.access.map(peer) };
  return {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'NetworkPolicy',
    metadata: childMetadata(owner, childNames.networkPolicy(owner.name)),
    spec: {
      podSelector: { matchLabels: selectorLabels(owner.name) },
      policyTypes: ['Ingress'],
      ingress: [agents, ...(display.access.length === 0 ? [] : [screens])],
    },
  };
}

function operatorPeer({ namespace, labels }: OperatorPods): V1NetworkPolicyPeer {
  return {
    namespaceSelector: { matchLabels: { [NAMESPACE_NAME]: namespace } },
    podSelector: { matchLabels: { ...labels } },
  };
}

/** An empty list of exceptions is left out, as the API server does: it would differ from what is stored. */
function peer({
  ipBlock,
  podSelector,
  namespaceSelector,
}: EmulatorSpec['display']['access'][number]): V1NetworkPolicyPeer {
  return {
    ...(podSelector === undefined ? {} : { podSelector: selector(podSelector) }),
    ...(namespaceSelector === undefined ? {} : { namespaceSelector: selector(namespaceSelector) }),
    ...(ipBlock === undefined
      ? {}
      : { ipBlock: { cidr: ipBlock.cidr, ...(ipBlock.except.length === 0 ? {} : { except: ipBlock.except }) } }),
  };
}

function selector({ matchLabels }: { readonly matchLabels: Record<string, string> }) {
  return Object.keys(matchLabels).length === 0 ? {} : { matchLabels };
}

function ports(...numbers: readonly number[]): V1NetworkPolicyPort[] {
  return numbers.map((port) => ({ port, protocol: 'TCP' }));
}
