import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { emulatorResource } from '../../src/api/emulator/resource.ts';
import { generateCrd } from '../../src/api/generate-crd.ts';
import { readDefinitions } from '../../src/operator/crds/definition.ts';
import { type Manifest, only, render, renderHooks } from './render.ts';

const hookSchema = z.object({
  'helm.sh/hook': z.string(),
  'helm.sh/hook-delete-policy': z.string(),
  'helm.sh/hook-weight': z.string().default('0'),
});
const jobSchema = z.looseObject({
  spec: z.looseObject({
    podFailurePolicy: z.looseObject({}),
    template: z.looseObject({
      metadata: z.looseObject({ labels: z.record(z.string(), z.string()) }),
      spec: z.looseObject({
        serviceAccountName: z.string(),
        securityContext: z.looseObject({}),
        containers: z.tuple([
          z.looseObject({ image: z.string(), args: z.array(z.string()), securityContext: z.looseObject({}) }),
        ]),
        volumes: z.tuple([z.looseObject({ configMap: z.object({ name: z.string() }) })]),
      }),
    }),
  }),
});

describe('the upgrade of the CRDs', () => {
  const crd = generateCrd(emulatorResource);
  let hooks: Manifest[];
  beforeAll(async () => {
    hooks = await renderHooks();
  });

  const job = (manifests: readonly Manifest[]) => jobSchema.parse(only(manifests, 'Job')).spec;

  it('is done before an upgrade, by what is made for it and gone after it; what failed stays to be read', () => {
    for (const { kind, metadata } of hooks) {
      const hook = hookSchema.parse(metadata['annotations']);
      expect(hook['helm.sh/hook'], kind).toBe('pre-upgrade');
      expect(hook['helm.sh/hook-delete-policy'], kind).toBe('before-hook-creation,hook-succeeded');
      expect(Number(hook['helm.sh/hook-weight']), kind).toBe(kind === 'Job' ? 0 : -5);
    }
  });

  it('is no part of what is installed', async () => {
    const kinds = (await render()).map(({ kind }) => kind);
    expect(kinds).not.toContain('Job');
    expect(kinds).not.toContain('CustomResourceDefinition');
  });

  it("brings the chart's own definitions, as they are generated from the API", async () => {
    const { data } = z.looseObject({ data: z.record(z.string(), z.string()) }).parse(only(hooks, 'ConfigMap'));
    const folder = await mkdtemp(join(tmpdir(), 'loco-chart-crds-'));
    try {
      for (const [name, text] of Object.entries(data)) await writeFile(join(folder, name), text);
      expect(await readDefinitions(folder)).toEqual([crd]);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
    expect(job(hooks).template.spec.volumes[0].configMap.name).toBe(only(hooks, 'ConfigMap').metadata.name);
  });

  it('has rights of its own, on these definitions and nothing else', async () => {
    expect(only(hooks, 'ClusterRole')).toHaveProperty('rules', [
      {
        apiGroups: ['apiextensions.k8s.io'],
        resources: ['customresourcedefinitions'],
        resourceNames: [crd.metadata.name],
        verbs: ['get', 'create', 'patch'],
      },
    ]);
    const { serviceAccountName } = job(hooks).template.spec;
    expect(only(hooks, 'ServiceAccount').metadata.name).toBe(serviceAccountName);
    expect(only(hooks, 'ClusterRoleBinding')).toMatchObject({
      roleRef: { kind: 'ClusterRole', name: only(hooks, 'ClusterRole').metadata.name },
      subjects: [{ kind: 'ServiceAccount', name: serviceAccountName, namespace: 'machines' }],
    });
    expect(serviceAccountName).not.toBe(only(await render(), 'ServiceAccount').metadata.name);
  });

  it('shares nothing of the cluster with a release of the same name in another namespace', () => {
    expect(only(hooks, 'ClusterRole').metadata.name).toContain('machines');
    expect(only(hooks, 'ClusterRoleBinding').metadata.name).toContain('machines');
  });

  it("is done by the operator's image, under the restricted Pod Security standard", async () => {
    const upgrade = await renderHooks('operator.image="r.example.com/operator:1"');
    const { containers, securityContext } = job(upgrade).template.spec;
    const { spec } = z
      .looseObject({ spec: z.looseObject({ template: z.looseObject({ spec: z.looseObject({}) }) }) })
      .parse(only(await render(), 'Deployment'));
    expect(securityContext).toEqual(spec.template.spec['securityContext']);
    expect(containers[0]).toMatchObject({
      image: 'r.example.com/operator:1',
      args: ['apply-crds', '/crds'],
      securityContext: {
        allowPrivilegeEscalation: false,
        readOnlyRootFilesystem: true,
        capabilities: { drop: ['ALL'] },
      },
    });
  });

  it('ends at once when it is refused, and takes fields away only when told to', async () => {
    expect(job(hooks).podFailurePolicy).toEqual({
      rules: [{ action: 'FailJob', onExitCodes: { containerName: 'crds', operator: 'In', values: [2] } }],
    });
    const told = await renderHooks('operator.crds.allowRemovedFields=true');
    expect(job(told).template.spec.containers[0].args).toEqual(['apply-crds', '/crds', '--allow-removed-fields']);
  });

  it("is not taken for one of the operator's pods, and may talk to the API server alone", async () => {
    const { labels } = job(hooks).template.metadata;
    const { spec } = z
      .looseObject({ spec: z.looseObject({ selector: z.object({ matchLabels: z.looseObject({}) }) }) })
      .parse(only(await render(), 'Deployment'));
    expect(labels).not.toMatchObject(spec.selector.matchLabels);
    const policy = z
      .looseObject({ spec: z.looseObject({ podSelector: z.object({ matchLabels: z.looseObject({}) }) }) })
      .parse(only(hooks, 'NetworkPolicy')).spec;
    expect(labels).toMatchObject(policy.podSelector.matchLabels);
    expect(policy['ingress']).toEqual([]);
    expect(policy['egress']).toEqual([{ ports: [443, 6443, 8443].map((port) => ({ protocol: 'TCP', port })) }]);
  });

  it('is left to others when it is turned off', async () => {
    expect(await renderHooks('operator.crds.upgrade=false')).toEqual([]);
  });
});
