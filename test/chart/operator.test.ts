import { beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { type Manifest, only, render } from './render.ts';

const ruleSchema = z.strictObject({
  apiGroups: z.array(z.string()),
  resources: z.array(z.string()),
  verbs: z.array(z.string()),
});
const roleSchema = z.looseObject({ rules: z.array(ruleSchema) });

const deploymentSchema = z.looseObject({
  spec: z.looseObject({
    replicas: z.int(),
    template: z.looseObject({
      spec: z.looseObject({
        serviceAccountName: z.string(),
        automountServiceAccountToken: z.boolean(),
        securityContext: z.looseObject({}),
        containers: z.tuple([
          z.looseObject({
            image: z.string(),
            env: z.array(z.looseObject({ name: z.string(), value: z.string().optional() })),
            securityContext: z.looseObject({}),
            resources: z.looseObject({ limits: z.record(z.string(), z.string()) }),
          }),
        ]),
        volumes: z.array(z.looseObject({})),
      }),
    }),
  }),
});

describe('the operator', () => {
  let manifests: Manifest[];
  beforeAll(async () => {
    manifests = await render('image="r.example.com/qemu:1"', 'operator.image="r.example.com/operator:1"');
  });

  const pod = () => deploymentSchema.parse(only(manifests, 'Deployment')).spec.template.spec;
  const rules = () => roleSchema.parse(only(manifests, 'ClusterRole')).rules;

  it('runs from the given image, and gives machines the given image', () => {
    const [container] = pod().containers;
    expect(container.image).toBe('r.example.com/operator:1');
    expect(container.env).toContainEqual({ name: 'LOCO_DEFAULT_IMAGE', value: 'r.example.com/qemu:1' });
  });

  it('runs from the images of its release when none are given', async () => {
    const [container] = deploymentSchema.parse(only(await render(), 'Deployment')).spec.template.spec.containers;
    expect(container.image).toMatch(/^ghcr\.io\/mroie\/loco-operator:\d/);
    expect(container.env).toContainEqual({
      name: 'LOCO_DEFAULT_IMAGE',
      value: expect.stringMatching(/^ghcr\.io\/mroie\/qemu-loco:\d/),
    });
  });

  it('meets the restricted Pod Security standard, with a root file system that is read only', () => {
    expect(pod().securityContext).toMatchObject({
      runAsNonRoot: true,
      runAsUser: 10001,
      seccompProfile: { type: 'RuntimeDefault' },
    });
    expect(pod().containers[0].securityContext).toEqual({
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
    });
    expect(pod().containers[0].resources.limits).toHaveProperty('memory');
    for (const volume of pod().volumes) expect(Object.keys(volume)).toEqual(['name', 'emptyDir']);
  });

  it('has a token only where it is used', () => {
    expect(only(manifests, 'ServiceAccount')).toHaveProperty('automountServiceAccountToken', false);
    expect(pod().automountServiceAccountToken).toBe(true);
    expect(pod().serviceAccountName).toBe(only(manifests, 'ServiceAccount').metadata.name);
  });

  it('has rights without any wildcard', () => {
    const role = roleSchema.parse(only(manifests, 'Role')).rules;
    expect(JSON.stringify([...rules(), ...role])).not.toContain('*');
  });

  it('may neither list nor watch, change nor delete Secrets', () => {
    const verbs = rules()
      .filter((rule) => rule.resources.includes('secrets'))
      .flatMap((rule) => rule.verbs);
    expect(verbs).toEqual(['get', 'create']);
  });

  it('may change no Emulator, only its status', () => {
    const verbs = rules()
      .filter((rule) => rule.resources.includes('emulators'))
      .flatMap((rule) => rule.verbs);
    expect(verbs).toEqual(['list', 'watch']);
  });

  it('sends traces nowhere unless it is told where to', async () => {
    const names = (container: { env: { name: string }[] }) => container.env.map(({ name }) => name);
    expect(names(pod().containers[0]).filter((name) => name.startsWith('OTEL_'))).toEqual([]);
    const told = await render('operator.traces.endpoint="http://tempo.monitoring:4318"');
    const [container] = deploymentSchema.parse(only(told, 'Deployment')).spec.template.spec.containers;
    const value = 'http://tempo.monitoring:4318';
    expect(container.env).toContainEqual({ name: 'OTEL_EXPORTER_OTLP_ENDPOINT', value });
  });

  it('knows which pod it is, so that a process started again in it takes over at once', () => {
    const reference = { valueFrom: { fieldRef: { fieldPath: 'metadata.uid' } } };
    expect(pod().containers[0].env).toContainEqual({ name: 'POD_UID', ...reference });
  });

  it('is called loco-operator in a release called loco', () => {
    expect(only(manifests, 'Deployment').metadata.name).toBe('loco-operator');
    expect(only(manifests, 'ClusterRoleBinding').metadata.name).toBe('loco-operator');
  });
});
