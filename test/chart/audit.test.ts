import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { AUDIT_TOOLS, ensureTools } from '../../scripts/tools.ts';
import { writeSchemas } from './kubernetes-schemas.ts';
import { chartFolder, helm } from './render.ts';

const monitoring = ['serviceMonitor', 'prometheusRule', 'dashboard'].flatMap((part) => [
  '--set',
  `monitoring.${part}.enabled=true`,
]);

/** What the chart is asked for: settings of Helm by a name. */
const RENDERINGS: Readonly<Record<string, readonly string[]>> = {
  'as it is': [],
  'with monitoring': monitoring,
  'with everything named': [
    ...monitoring,
    ...['--set', 'operator.priorityClassName=system-cluster-critical'],
    ...['--set', 'operator.traces.endpoint=http://tempo.monitoring:4318'],
    ...['--set', 'operator.imagePullSecrets={registry}'],
    ...['--set', `operator.imageDigest=sha256:${'0'.repeat(64)}`],
    ...['--set', 'operator.networkPolicy.apiServer.cidrs={10.0.0.10/32}'],
    ...['--set', 'operator.nodeSelector.kubernetes\\.io/arch=amd64'],
    ...['--set-json', 'operator.tolerations=[{"key":"control-plane","operator":"Exists"}]'],
  ],
  'with one operator': ['--set', 'operator.replicas=1'],
};

/** Custom kinds of others, whose descriptions are in none of our modules. */
const SKIPPED = [
  // promtool reads its rules in alerts.test.ts.
  'PrometheusRule',
  // scraping.test.ts compares it with what it must be, field by field.
  'ServiceMonitor',
];

/** What kube-score finds, by the check and the object's kind, and why it stays. */
const REASONS: Readonly<Record<string, string>> = {
  'container-image-pull-policy Deployment':
    'Releases have tags that are never moved, or digests; asked at each start, a registry that is away would keep the operator from starting.',
  'container-image-pull-policy Job': 'As the Deployment.',
  'container-resources Deployment':
    'No processor limit: throttled, a leader renews its Lease late and loses it, while its node is idle. Memory is limited.',
  'container-resources Job': 'As the Deployment.',
  'deployment-has-host-podantiaffinity Deployment':
    'topologySpreadConstraints do it, for nodes and zones, and leave both pods running on a cluster of one node.',
};

const KINDS = [
  ['', 'v1', 'ServiceAccount'],
  ['', 'v1', 'ConfigMap'],
  ['', 'v1', 'Service'],
  ['', 'v1', 'Secret'],
  ['', 'v1', 'PersistentVolume'],
  ['', 'v1', 'PersistentVolumeClaim'],
  ['apps', 'v1', 'Deployment'],
  ['batch', 'v1', 'Job'],
  ['policy', 'v1', 'PodDisruptionBudget'],
  ['networking.k8s.io', 'v1', 'NetworkPolicy'],
  ['storage.k8s.io', 'v1', 'StorageClass'],
  ['rbac.authorization.k8s.io', 'v1', 'Role'],
  ['rbac.authorization.k8s.io', 'v1', 'RoleBinding'],
  ['rbac.authorization.k8s.io', 'v1', 'ClusterRole'],
  ['rbac.authorization.k8s.io', 'v1', 'ClusterRoleBinding'],
  ['apiextensions.k8s.io', 'v1', 'CustomResourceDefinition'],
].map(([group = '', version = '', kind = '']) => ({ group, version, kind }));

const scoresSchema = z
  .array(
    z.looseObject({
      object_name: z.string(),
      type_meta: z.looseObject({ kind: z.string() }),
      checks: z
        .array(
          z.looseObject({
            check: z.looseObject({ id: z.string() }),
            grade: z.number(),
            skipped: z.boolean(),
            comments: z.array(z.looseObject({ summary: z.string() })).nullable(),
          }),
        )
        .nullable(),
    }),
  )
  .nullable();

const ALL_OK = 10;

describe('the rendered chart', () => {
  let schemas: string;
  let tools: Record<'kubeconform' | 'kube-score', string>;
  const renderings: [name: string, manifests: string][] = [];

  beforeAll(async () => {
    schemas = await mkdtemp(join(tmpdir(), 'loco-schemas-'));
    tools = await ensureTools(AUDIT_TOOLS);
    await writeSchemas(schemas, KINDS);
    const examples = (await readdir(join(chartFolder, 'examples'))).filter((name) => name.endsWith('.yaml'));
    const wanted = [
      ...Object.entries(RENDERINGS),
      ...examples.map((name) => [name, ['-f', join(chartFolder, 'examples', name)]] as const),
    ];
    for (const [name, settings] of wanted) {
      const flags = ['--namespace', 'machines', '--include-crds', '--is-upgrade'];
      const result = await helm('template', 'loco', chartFolder, ...flags, ...settings);
      if (result.exitCode !== 0) throw new Error(`${name}: ${result.all}`);
      renderings.push([name, result.stdout]);
    }
  });
  afterAll(() => rm(schemas, { recursive: true, force: true }));

  /** What kubeconform has against manifests, each by its name. */
  async function conform(manifests: Readonly<Record<string, string>>): Promise<string> {
    const folder = await mkdtemp(join(tmpdir(), 'loco-rendered-'));
    try {
      for (const [name, text] of Object.entries(manifests))
        await writeFile(join(folder, `${basename(name)}.yaml`), text);
      const location = join(schemas, '{{.ResourceKind}}{{.KindSuffix}}.json');
      const flags = ['-strict', '-skip', SKIPPED.join(','), '-schema-location', location, folder];
      return (await execa(tools.kubeconform, flags, { reject: false, all: true })).all;
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  }

  it('is what the API describes, each of its objects and no field more (kubeconform)', async () => {
    expect(await conform(Object.fromEntries(renderings))).toBe('');
  });

  it('would not pass with a field that Kubernetes does not know, or one of another type', async () => {
    const [, manifests = ''] = renderings[0] ?? [];
    const misspelt = manifests.replace('terminationGracePeriodSeconds:', 'terminationGraceSeconds:');
    const found = await conform({ misspelt, mistyped: manifests.replace('replicas: 2', 'replicas: two') });
    expect(found).toContain("'terminationGraceSeconds' not allowed");
    expect(found).toContain('got string, want integer');
  });

  it('has no finding of kube-score without a reason, and no reason without a finding', async () => {
    const found = new Map<string, string>();
    for (const [name, manifests] of renderings) {
      const flags = ['score', '-o', 'json', '--enable-optional-test', 'container-seccomp-profile', '-'];
      const { stdout } = await execa(tools['kube-score'], flags, { input: manifests, reject: false });
      for (const { object_name, type_meta, checks } of scoresSchema.parse(JSON.parse(stdout)) ?? []) {
        for (const { check, grade, skipped, comments } of checks ?? []) {
          if (skipped || grade >= ALL_OK) continue;
          const words = (comments ?? []).map(({ summary }) => summary).join('; ');
          found.set(`${check.id} ${type_meta.kind}`, `${name}: ${object_name}: ${words}`);
        }
      }
    }
    expect(Object.fromEntries([...found].filter(([finding]) => REASONS[finding] === undefined))).toEqual({});
    expect(Object.keys(REASONS).filter((reason) => !found.has(reason))).toEqual([]);
  });
});
