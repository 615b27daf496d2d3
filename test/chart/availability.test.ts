import { beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { type Manifest, only, render } from './render.ts';

const probe = z.looseObject({ httpGet: z.object({ path: z.string(), port: z.string() }) });
const deploymentSchema = z.looseObject({
  spec: z.looseObject({
    replicas: z.int(),
    strategy: z.looseObject({}),
    selector: z.object({ matchLabels: z.record(z.string(), z.string()) }),
    template: z.looseObject({
      metadata: z.looseObject({ labels: z.record(z.string(), z.string()) }),
      spec: z.looseObject({
        priorityClassName: z.string().optional(),
        topologySpreadConstraints: z.array(z.looseObject({})).optional(),
        containers: z.tuple([
          z.looseObject({
            image: z.string(),
            env: z.array(z.looseObject({ name: z.string(), value: z.string().optional() })),
            startupProbe: probe,
            livenessProbe: probe,
            readinessProbe: probe,
          }),
        ]),
      }),
    }),
  }),
});
const deployment = (manifests: readonly Manifest[]) => deploymentSchema.parse(only(manifests, 'Deployment')).spec;

const digest = `sha256:${'0123456789abcdef'.repeat(4)}`;

describe('the availability of the operator', () => {
  let manifests: Manifest[];
  beforeAll(async () => {
    manifests = await render();
  });

  it('is that of two pods, of which a new one is ready before an old one goes', () => {
    expect(deployment(manifests).replicas).toBe(2);
    expect(deployment(manifests).strategy).toEqual({
      type: 'RollingUpdate',
      rollingUpdate: { maxUnavailable: 0, maxSurge: 1 },
    });
  });

  it('survives a drain, which a pod that is not ready anyway never holds up', () => {
    const { spec } = z.looseObject({ spec: z.looseObject({}) }).parse(only(manifests, 'PodDisruptionBudget'));
    const { selector } = deployment(manifests);
    expect(spec).toEqual({ maxUnavailable: 1, unhealthyPodEvictionPolicy: 'AlwaysAllow', selector });
  });

  it('is no reason for a single pod to hold up a drain', async () => {
    const single = await render('operator.replicas=1');
    expect(deployment(single).replicas).toBe(1);
    expect(single.filter(({ kind }) => kind === 'PodDisruptionBudget')).toEqual([]);
  });

  it('survives the loss of a node and of a zone: pods of one version are spread over both', () => {
    const { selector, template } = deployment(manifests);
    const constraint = {
      maxSkew: 1,
      whenUnsatisfiable: 'ScheduleAnyway',
      matchLabelKeys: ['pod-template-hash'],
      labelSelector: selector,
    };
    expect(template.spec.topologySpreadConstraints).toEqual([
      { ...constraint, topologyKey: 'kubernetes.io/hostname' },
      { ...constraint, topologyKey: 'topology.kubernetes.io/zone' },
    ]);
    expect(template.metadata.labels).toMatchObject(selector.matchLabels);
  });

  it('needs no spreading where nobody wants it', async () => {
    const { template } = deployment(await render('operator.topologySpreadConstraints=[]'));
    expect(template.spec.topologySpreadConstraints).toBeUndefined();
  });

  it('goes by a priority class when one is named', async () => {
    expect(deployment(manifests).template.spec.priorityClassName).toBeUndefined();
    const given = await render('operator.priorityClassName="system-cluster-critical"');
    expect(deployment(given).template.spec.priorityClassName).toBe('system-cluster-critical');
  });

  it('is asked for at the endpoints: alive when it answers, ready when its caches are filled and it does what it is to do', () => {
    const [container] = deployment(manifests).template.spec.containers;
    const path = (name: 'startupProbe' | 'livenessProbe' | 'readinessProbe') => container[name].httpGet;
    expect(path('startupProbe')).toEqual({ path: '/healthz', port: 'metrics' });
    expect(path('livenessProbe')).toEqual({ path: '/healthz', port: 'metrics' });
    expect(path('readinessProbe')).toEqual({ path: '/readyz', port: 'metrics' });
  });
});

describe('images by digest', () => {
  const images = async (...settings: string[]) => {
    const [container] = deployment(await render(...settings)).template.spec.containers;
    return [container.image, container.env.find(({ name }) => name === 'LOCO_DEFAULT_IMAGE')?.value];
  };

  it('pin the images of the release', async () => {
    expect(await images(`operator.imageDigest="${digest}"`, `imageDigest="${digest}"`)).toEqual([
      expect.stringMatching(new RegExp(`^ghcr\\.io/mroie/loco-operator:\\d[^@]*@${digest}$`)),
      expect.stringMatching(new RegExp(`^ghcr\\.io/mroie/qemu-loco:\\d[^@]*@${digest}$`)),
    ]);
  });

  it('pin images from elsewhere', async () => {
    const settings = ['operator.image="r.example.com/o:1"', 'image="r.example.com/q"'];
    const digests = [`operator.imageDigest="${digest}"`, `imageDigest="${digest}"`];
    expect(await images(...settings, ...digests)).toEqual([`r.example.com/o:1@${digest}`, `r.example.com/q@${digest}`]);
  });

  it('may stand in the reference itself', async () => {
    const reference = `r.example.com/x@${digest}`;
    expect(await images(`operator.image="${reference}"`, `image="${reference}"`)).toEqual([reference, reference]);
  });
});
