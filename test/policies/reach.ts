import { BlockList, isIPv6 } from 'node:net';
import type { Peer, Policy, PolicyPort, Rule } from './policy.ts';
import { type Labels, selects } from './selector.ts';

/** A pod, as policies see it. */
export interface Pod {
  readonly kind: 'pod';
  readonly namespace: string;
  readonly labels: Labels;
  /** Its address, where a policy's address block might hold it. */
  readonly address?: string;
  readonly ports?: readonly { readonly name: string; readonly containerPort: number; readonly protocol?: string }[];
}

/** Whoever has an address and is no pod with one of its own: the API server, a node, the world outside. */
interface Outside {
  readonly kind: 'outside';
  readonly address: string;
}

/** The node that a pod runs on: kubelet with its probes, and with it `kubectl port-forward`, `exec` and `logs`. */
interface OwnNode {
  readonly kind: 'own node';
}

export type Party = Pod | Outside | OwnNode;

/** Everything that decides who reaches whom. */
export interface World {
  readonly policies: readonly Policy[];
  /** Labels of each namespace, `kubernetes.io/metadata.name` aside, which each has. */
  readonly namespaces?: Readonly<Record<string, Labels>>;
}

export interface Port {
  readonly port: number;
  readonly protocol?: 'TCP' | 'UDP' | 'SCTP';
}

/** `depends`: enforcers differ. An address block that holds a pod's address lets it in with some and not with others. */
export type Answer = 'no' | 'depends' | 'yes';

const ORDER: readonly Answer[] = ['no', 'depends', 'yes'];
const worst = (answers: readonly Answer[]): Answer => ORDER.find((answer) => answers.includes(answer)) ?? 'yes';
const best = (answers: readonly Answer[]): Answer => ORDER.findLast((answer) => answers.includes(answer)) ?? 'no';

/** A connection as one end of it sees it. */
interface View {
  readonly direction: 'Ingress' | 'Egress';
  readonly subject: Party;
  readonly other: Party;
  /** Whose port it is. */
  readonly destination: Party;
  readonly port: Required<Port>;
}

/**
 * May `from` open a connection to this port of `to`? What networking.k8s.io/v1 says: who is selected by no policy of a
 * direction is free in it; else one rule of one of them has to allow it; and both ends have to.
 */
export function mayReach(world: World, from: Party, to: Party, { port, protocol = 'TCP' }: Port): Answer {
  const connection = { destination: to, port: { port, protocol } };
  return worst([
    permits(world, { ...connection, direction: 'Egress', subject: from, other: to }),
    permits(world, { ...connection, direction: 'Ingress', subject: to, other: from }),
  ]);
}

function permits(world: World, view: View): Answer {
  const { subject, other, direction } = view;
  // Nobody is kept from himself, or from the node under him.
  if (subject.kind !== 'pod' || other.kind === 'own node' || subject === other) return 'yes';
  const isolating = world.policies.filter(
    ({ metadata, spec }) =>
      metadata.namespace === subject.namespace &&
      spec.types.includes(direction) &&
      selects(spec.podSelector, subject.labels),
  );
  if (isolating.length === 0) return 'yes';
  return best(isolating.flatMap((policy) => policy.spec[direction].map((rule) => allows(world, policy, rule, view))));
}

function allows(world: World, policy: Policy, { peers, ports }: Rule, view: View): Answer {
  const isPort = ports.length === 0 || ports.some((port) => isMeant(port, view));
  if (!isPort) return 'no';
  return peers.length === 0 ? 'yes' : best(peers.map((peer) => isPeer(world, policy, peer, view.other)));
}

function isMeant(meant: PolicyPort, { destination, port: { port, protocol } }: View): boolean {
  if (meant.protocol !== protocol) return false;
  if (meant.port === undefined) return true;
  if (typeof meant.port === 'number') return port >= meant.port && port <= (meant.endPort ?? meant.port);
  // A name is the destination's own; who is no pod has none.
  const named = destination.kind === 'pod' ? (destination.ports ?? []) : [];
  return named.some(
    (one) => one.name === meant.port && one.containerPort === port && (one.protocol ?? 'TCP') === protocol,
  );
}

function isPeer(world: World, policy: Policy, peer: Peer, other: Party): Answer {
  if ('ipBlock' in peer) {
    const address = other.kind === 'own node' ? undefined : other.address;
    if (address === undefined || !isInBlock(peer.ipBlock, address)) return 'no';
    return other.kind === 'pod' ? 'depends' : 'yes';
  }
  if (other.kind !== 'pod') return 'no';
  const { podSelector, namespaceSelector } = peer;
  const isNamespace =
    namespaceSelector === undefined
      ? other.namespace === policy.metadata.namespace
      : selects(namespaceSelector, namespaceLabels(world, other.namespace));
  return isNamespace && (podSelector === undefined || selects(podSelector, other.labels)) ? 'yes' : 'no';
}

function namespaceLabels({ namespaces = {} }: World, name: string): Labels {
  return { ...namespaces[name], 'kubernetes.io/metadata.name': name };
}

function isInBlock({ cidr, except }: { cidr: string; except: readonly string[] }, address: string): boolean {
  return isIn(cidr, address) && !except.some((hole) => isIn(hole, address));
}

function isIn(cidr: string, address: string): boolean {
  const [network = '', length] = cidr.split('/');
  const family = isIPv6(network) ? 'ipv6' : 'ipv4';
  const block = new BlockList();
  block.addSubnet(network, Number(length), family);
  return isIPv6(address) === (family === 'ipv6') && block.check(address, family);
}
