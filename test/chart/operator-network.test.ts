import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { objectLabels } from '../../src/operator/emulator/names.ts';
import { only, render } from './render.ts';

const policySchema = z.looseObject({
  spec: z.strictObject({
    podSelector: z.looseObject({}),
    policyTypes: z.array(z.string()),
    ingress: z.array(z.looseObject({})),
    egress: z.array(z.looseObject({})),
  }),
});

const policy = async (...settings: string[]) =>
  policySchema.parse(only(await render(...settings), 'NetworkPolicy')).spec;

const tcp = (...ports: (number | string)[]) => ports.map((port) => ({ protocol: 'TCP', port }));
const anyDns = {
  ports: [
    { protocol: 'UDP', port: 53 },
    { protocol: 'TCP', port: 53 },
  ],
};

describe("the operator's NetworkPolicy", () => {
  it('selects its pods, and lets out what it needs and nothing else', async () => {
    const { podSelector, policyTypes, egress } = await policy();
    const deployment = z
      .looseObject({ spec: z.looseObject({ selector: z.looseObject({}) }) })
      .parse(only(await render(), 'Deployment'));
    expect(podSelector).toEqual(deployment.spec.selector);
    expect(policyTypes).toEqual(['Ingress', 'Egress']);
    const { 'app.kubernetes.io/instance': _, ...everyEmulator } = objectLabels('any');
    expect(egress).toEqual([
      { ports: tcp(443, 6443, 8443) },
      anyDns,
      { to: [{ namespaceSelector: {}, podSelector: { matchLabels: everyEmulator } }], ports: tcp(8080) },
      { ports: tcp(443) },
    ]);
  });

  it('lets in who reads metrics, at that port alone', async () => {
    expect((await policy()).ingress).toEqual([{ from: [{ namespaceSelector: {} }], ports: tcp('metrics') }]);
    const monitoring = { namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'monitoring' } } };
    const narrow = await policy(`operator.networkPolicy.metricsFrom=${JSON.stringify([monitoring])}`);
    expect(narrow.ingress).toEqual([{ from: [monitoring], ports: tcp('metrics') }]);
    expect((await policy('operator.networkPolicy.metricsFrom=[]')).ingress).toEqual([]);
  });

  it('knows the API server, DNS and the registries by the addresses and ports that it is told', async () => {
    const dns = { ipBlock: { cidr: '169.254.20.10/32' } };
    const settings = {
      enabled: true,
      apiServer: { cidrs: ['10.0.0.10/32', '2001:db8::1/128'], ports: [6443] },
      dns: { to: [dns], ports: [5353] },
      registries: { cidrs: ['203.0.113.0/24'], ports: [443, 5000] },
      metricsFrom: [],
    };
    const { egress } = await policy(`operator.networkPolicy=${JSON.stringify(settings)}`);
    expect(egress[0]).toEqual({
      to: [{ ipBlock: { cidr: '10.0.0.10/32' } }, { ipBlock: { cidr: '2001:db8::1/128' } }],
      ports: tcp(6443),
    });
    const ports = ['UDP', 'TCP'].map((protocol) => ({ protocol, port: 5353 }));
    expect(egress[1]).toEqual({ to: [dns], ports });
    expect(egress[3]).toEqual({ to: [{ ipBlock: { cidr: '203.0.113.0/24' } }], ports: tcp(443, 5000) });
  });

  it('lets out to no registry when it has no ports for them', async () => {
    expect((await policy('operator.networkPolicy.registries.ports=[]')).egress).toHaveLength(3);
  });

  it.each([
    ['http://tempo.monitoring:4318', 4318],
    ['http://tempo.monitoring/otlp', 80],
    ['https://tempo.example.com', 443],
    ['http://[2001:db8::1]:4318', 4318],
  ])('lets traces out to the port of %s', async (endpoint, port) => {
    const { egress } = await policy(`operator.traces.endpoint="${endpoint}"`);
    expect(egress.at(-1)).toEqual({ ports: tcp(port) });
  });

  it('is not there when it is turned off', async () => {
    const manifests = await render('operator.networkPolicy.enabled=false');
    expect(manifests.filter(({ kind }) => kind === 'NetworkPolicy')).toEqual([]);
  });
});
