import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { type Manifest, render } from './render.ts';

const ruleSchema = z.strictObject({
  apiGroups: z.array(z.string()),
  resources: z.array(z.string()),
  verbs: z.array(z.string()),
});
const roleSchema = z.looseObject({ rules: z.array(ruleSchema) });
const bindingSchema = z.looseObject({
  roleRef: z.looseObject({ kind: z.string(), name: z.string() }),
  subjects: z.tuple([z.strictObject({ kind: z.string(), name: z.string(), namespace: z.string() })]),
});
const deploymentSchema = z.looseObject({
  spec: z.looseObject({
    template: z.looseObject({
      spec: z.looseObject({
        containers: z.tuple([
          z.looseObject({ env: z.array(z.looseObject({ name: z.string(), value: z.string().optional() })) }),
        ]),
      }),
    }),
  }),
});

const NAME = 'loco-operator';
const LEASE = `${NAME}-leader-election`;
const cluster = 'scope.kind="Cluster"';
const own = 'scope.kind="Own"';
const twoNamespaces = ['scope.kind="Namespaces"', 'scope.namespaces=["school","museum"]'];

/** What the operator's own service account is bound to: `kind namespace/name`, the hook's and others' left out. */
function bound(manifests: readonly Manifest[]): string[] {
  return manifests
    .filter(({ kind }) => kind.endsWith('Binding'))
    .map((manifest) => ({ manifest, ...bindingSchema.parse(manifest) }))
    .filter(({ subjects }) => subjects[0].name === NAME)
    .map(({ manifest, roleRef }) => `${roleRef.kind} ${namespaceOf(manifest)}/${roleRef.name}`)
    .sort();
}

function namespaceOf({ metadata }: Manifest): string {
  return z.string().catch('').parse(metadata['namespace']);
}

function rulesOf(manifests: readonly Manifest[], kind: string, namespace: string) {
  const found = manifests.find(
    (manifest) => manifest.kind === kind && manifest.metadata.name === NAME && namespaceOf(manifest) === namespace,
  );
  return roleSchema.parse(found).rules;
}

function servedNamespaces(manifests: readonly Manifest[]): string {
  const deployment = manifests.find(({ kind, metadata }) => kind === 'Deployment' && metadata.name === NAME);
  const [container] = deploymentSchema.parse(deployment).spec.template.spec.containers;
  return container.env.find(({ name }) => name === 'LOCO_NAMESPACES')?.value ?? '';
}

describe('the scope of an installation', () => {
  it('is the whole cluster unless something else is said, with a ClusterRole', async () => {
    const manifests = await render();
    expect(bound(manifests)).toEqual([`ClusterRole /${NAME}`, `Role machines/${LEASE}`]);
    expect(servedNamespaces(manifests)).toBe('');
  });

  it('is its own namespace with Roles in that, and no ClusterRole for the operator', async () => {
    const manifests = await render(own);
    expect(bound(manifests)).toEqual([`Role machines/${NAME}`, `Role machines/${LEASE}`]);
    expect(servedNamespaces(manifests)).toBe('machines');
  });

  it('is a list of namespaces with a Role in each of them, and the Lease in its own', async () => {
    const manifests = await render(...twoNamespaces);
    expect(bound(manifests)).toEqual([`Role machines/${LEASE}`, `Role museum/${NAME}`, `Role school/${NAME}`]);
    expect(servedNamespaces(manifests)).toBe('school,museum');
  });

  it('gives the same rights in a namespace as in the whole cluster, and none on anything outside of namespaces', async () => {
    const everywhere = rulesOf(await render(cluster), 'ClusterRole', '');
    expect(everywhere.length).toBeGreaterThan(5);
    expect(rulesOf(await render(own), 'Role', 'machines')).toEqual(everywhere);
    const listed = await render(...twoNamespaces);
    expect(rulesOf(listed, 'Role', 'school')).toEqual(everywhere);
    expect(rulesOf(listed, 'Role', 'museum')).toEqual(everywhere);
    const resources = everywhere.flatMap((rule) => rule.resources);
    for (const outside of ['nodes', 'persistentvolumes', 'storageclasses', 'namespaces', 'customresourcedefinitions']) {
      expect(resources).not.toContain(outside);
    }
  });

  it('binds roles to the service account of the release, wherever they are', async () => {
    const bindings = (await render(...twoNamespaces))
      .filter(({ kind }) => kind === 'RoleBinding')
      .map((manifest) => bindingSchema.parse(manifest).subjects[0])
      .filter(({ name }) => name === NAME);
    expect(bindings).toHaveLength(3);
    for (const subject of bindings)
      expect(subject).toEqual({ kind: 'ServiceAccount', name: NAME, namespace: 'machines' });
  });

  it('of one namespace makes nothing at all outside of it, once the CRDs are looked after by others', async () => {
    const manifests = await render(own, 'operator.crds.upgrade=false', 'emulator.diskPVC="win98-disk"');
    const outside = manifests.filter((manifest) => namespaceOf(manifest) !== 'machines');
    expect(outside.map(({ kind, metadata }) => `${kind} ${metadata.name}`)).toEqual([]);
  });
});
