import { z } from 'zod';
import { selectorSchema } from './selector.ts';

const blockSchema = z.strictObject({ cidr: z.string(), except: z.array(z.string()).default([]) });

/** An address block, or pods by their labels and their namespaces' labels; the API refuses both at once, and neither. */
const peerSchema = z.union([
  z.strictObject({ ipBlock: blockSchema }),
  z
    .strictObject({ podSelector: selectorSchema.optional(), namespaceSelector: selectorSchema.optional() })
    .refine((peer) => peer.podSelector !== undefined || peer.namespaceSelector !== undefined, 'selects nobody'),
]);

const portSchema = z.strictObject({
  protocol: z.enum(['TCP', 'UDP', 'SCTP']).default('TCP'),
  port: z.union([z.int(), z.string()]).optional(),
  endPort: z.int().optional(),
});

const ports = z.array(portSchema).default([]);
const peers = z.array(peerSchema).default([]);

const policySchema = z.looseObject({
  apiVersion: z.literal('networking.k8s.io/v1'),
  kind: z.literal('NetworkPolicy'),
  metadata: z.looseObject({ name: z.string(), namespace: z.string() }),
  spec: z
    .strictObject({
      podSelector: selectorSchema,
      policyTypes: z.array(z.enum(['Ingress', 'Egress'])).optional(),
      ingress: z.array(z.strictObject({ from: peers, ports })).default([]),
      egress: z.array(z.strictObject({ to: peers, ports })).optional(),
    })
    .transform(({ podSelector, policyTypes, ingress, egress }) => ({
      podSelector,
      // What isn't said: Ingress always, Egress when there is a rule for it.
      types: policyTypes ?? (egress === undefined || egress.length === 0 ? ['Ingress'] : ['Ingress', 'Egress']),
      Ingress: ingress.map((rule) => ({ peers: rule.from, ports: rule.ports })),
      Egress: (egress ?? []).map((rule) => ({ peers: rule.to, ports: rule.ports })),
    })),
});

/** A NetworkPolicy with what the API leaves to be understood spelt out. */
export type Policy = z.infer<typeof policySchema>;
export type Rule = Policy['spec']['Ingress'][number];
export type Peer = Rule['peers'][number];
export type PolicyPort = Rule['ports'][number];

/** The NetworkPolicies among the manifests. */
export function policiesOf(manifests: readonly unknown[]): Policy[] {
  const isPolicy = (manifest: unknown): boolean => (manifest as { kind?: string } | null)?.kind === 'NetworkPolicy';
  return manifests.filter(isPolicy).map((manifest) => policySchema.parse(manifest));
}
