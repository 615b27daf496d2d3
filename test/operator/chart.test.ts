import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { z } from 'zod';
import { waitFor } from '../../scripts/cluster/wait.ts';
import { projectFolder } from '../../scripts/folders.ts';
import { OPERATOR_NAMESPACE } from '../../scripts/install.ts';
import { emulatorResource } from '../../src/api/emulator/resource.ts';
import { type CustomResourceDefinition, generateCrd } from '../../src/api/generate-crd.ts';
import type { Sample } from '../../src/kube/exposition.fixture.ts';
import { ensurePromtool, promtoolCheck, promtoolTest, type Series } from '../chart/promtool.ts';
import { renderHooks } from '../chart/render.ts';
import { Ground } from './support/ground.ts';

const chart = join(projectFolder, 'helm/loco-operator');
const dashboardSchema = z.looseObject({
  panels: z.array(
    z.looseObject({
      title: z.string(),
      targets: z.array(z.looseObject({ expr: z.string() })).default([]),
    }),
  ),
});
const alertsSchema = z.array(z.looseObject({ alert: z.string(), expr: z.string() }));

/** What Prometheus adds to what it scrapes by the chart's ServiceMonitor. */
const TARGET = { namespace: 'loco-system', service: 'loco-operator-metrics', pod: 'loco-operator-0' };

/** What a scrape that is written for people and not for programs is told of; each is somebody else's name. */
const LINT: readonly RegExp[] = [
  // prom-client's own gauges.
  /^nodejs_active_(handles|requests|resources)_total non-counter metrics should not have "_total" suffix$/,
];

let ground: Ground;
/** Scrapes of one operator, in order: at rest, at work, and once more. */
const scrapes: Sample[][] = [];
let text = '';

async function scrape(): Promise<void> {
  scrapes.push([...(await ground.metrics()).values()].flatMap(({ samples }) => samples));
}

beforeAll(async () => {
  await ensurePromtool();
  ground = await Ground.open('check-chart');
  await ground.createNamespace('school');
  await ground.start({ name: 'watched' });
  const isUp = async () => (await ground.ask('/readyz').catch(() => undefined))?.ok || undefined;
  await waitFor('the operator to be ready', isUp, { seconds: 60 });
  await scrape();
  await ground.applyEmulator('school', 'well', { storage: { mode: 'Ephemeral' } });
  await ground.applyEmulator('school', 'unwell', {
    storage: { mode: 'Persistent', existingClaim: { name: 'missing' } },
  });
  const counted = async () => {
    const found = (await ground.metrics()).get('loco_emulators')?.samples.map(({ labels }) => labels['reason']);
    return ['ClaimNotFound', 'MachinesReady'].every((reason) => found?.includes(reason)) || undefined;
  };
  await waitFor('one Emulator to be ready and another not', counted, { seconds: 60 });
  await scrape();
  await scrape();
  text = await (await ground.ask('/metrics')).text();
}, 600_000);
afterAll(() => ground?.close());

/** The scrapes as series with a value a minute; what wasn't there yet has none. */
function series(): Series[] {
  const values = new Map<string, (number | undefined)[]>();
  scrapes.forEach((samples, at) => {
    for (const { name, labels, value } of samples) {
      const all = Object.entries({ ...labels, ...TARGET }).map(([key, each]) => `${key}=${JSON.stringify(each)}`);
      const key = `${name}{${all.join(',')}}`;
      const row = values.get(key) ?? scrapes.map(() => undefined);
      row[at] = Number.isNaN(value) ? undefined : value;
      values.set(key, row);
    }
  });
  return [...values].map(([name, row]) => ({ series: name, values: row.map((value) => value ?? '_').join(' ') }));
}

describe('monitoring', () => {
  test('every query of the dashboard finds something in what a real operator shows', async () => {
    const dashboard = dashboardSchema.parse(
      JSON.parse(await readFile(join(chart, 'dashboards/operator.json'), 'utf8')),
    );
    const queries = dashboard.panels.flatMap(({ targets }) => targets.map(({ expr }) => expr));
    expect(queries.length).toBeGreaterThan(20);
    const asked = queries.map((query) =>
      query
        .replaceAll('$namespace', TARGET.namespace)
        .replaceAll('$service', TARGET.service)
        .replaceAll('$__rate_interval', '3m'),
    );
    expect(asked.filter((query) => query.includes('$'))).toEqual([]);
    const found = await promtoolTest(undefined, [
      {
        name: 'dashboard',
        input_series: series(),
        promql_expr_test: asked.map((query) => ({
          // Where one is `or vector(0)`, what stands before that must be there, too, or be about what isn't.
          expr: `count(${query}) > bool 0`,
          eval_time: '2m',
          exp_samples: [{ labels: '{}', value: 1 }],
        })),
      },
    ]);
    expect(found).toBe('');
  });

  test('what the dashboard says of Emulators is so', async () => {
    const dashboard = dashboardSchema.parse(
      JSON.parse(await readFile(join(chart, 'dashboards/operator.json'), 'utf8')),
    );
    const value = (title: string, expected: number) => {
      const query = dashboard.panels.find((panel) => panel.title === title)?.targets[0]?.expr;
      if (query === undefined) throw new Error(`no panel ${title}`);
      const expr = query.replaceAll('$namespace', '.+').replaceAll('$service', '.+');
      return { expr, eval_time: '2m', exp_samples: [{ labels: '{}', value: expected }] };
    };
    const found = await promtoolTest(undefined, [
      {
        name: 'Emulators',
        input_series: series(),
        promql_expr_test: [
          value('Ready', 1),
          value('Not ready', 1),
          value('Disk not writable', 0),
          value('Operators that lead', 1),
        ],
      },
    ]);
    expect(found).toBe('');
  });

  test('every metric that an alert or the dashboard asks for is one that a real operator shows', async () => {
    const alerts = alertsSchema.parse(parse(await readFile(join(chart, 'alerts/operator.yaml'), 'utf8')));
    const dashboard = dashboardSchema.parse(
      JSON.parse(await readFile(join(chart, 'dashboards/operator.json'), 'utf8')),
    );
    const queries = [...alerts, ...dashboard.panels.flatMap(({ targets }) => targets)].map(({ expr }) => expr);
    const asked = new Set(queries.flatMap((query) => [...query.matchAll(/(\w+)\{/g)].map(([, name = '']) => name)));
    const shown = new Set(scrapes.flat().map(({ name }) => name));
    expect(asked.size).toBeGreaterThan(10);
    expect([...asked].filter((name) => !shown.has(name))).toEqual([]);
  });

  test('promtool has no complaint about the metrics but those with a reason', async () => {
    const { stdout, stderr } = await promtoolCheck(['metrics'], text);
    const findings = `${stdout}\n${stderr}`.split('\n').filter((line) => line !== '');
    expect(findings.filter((finding) => !LINT.some((reason) => reason.test(finding)))).toEqual([]);
  });
});

describe('the upgrade of the CRDs, with the rights that the chart gives it', () => {
  const definition = 'customresourcedefinition/emulators.loco.mroie.github.io';
  const account = 'loco-operator-crds';
  let folder: string;
  let crd: CustomResourceDefinition;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'loco-crds-'));
    crd = generateCrd(emulatorResource);
    const hooks = (await renderHooks()).filter(({ kind }) => /Role|ServiceAccount/.test(kind));
    const moved = JSON.stringify({ apiVersion: 'v1', kind: 'List', items: hooks });
    await ground.kubectl(['apply', '-f', '-'], moved.replaceAll('"machines"', `"${OPERATOR_NAMESPACE}"`));
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  /** Runs the program as the chart's Job does. Resolves with its end and what it said. */
  async function applyCrds(wanted: object, ...args: string[]): Promise<{ code: number | null; said: string }> {
    await writeFile(join(folder, 'emulators.json'), JSON.stringify(wanted));
    const job = await ground.start({ name: 'crds', account, args: ['apply-crds', folder, ...args] });
    const { code } = await job.ended;
    return { code, said: (await job.log()).map(({ msg }) => msg).join('\n') };
  }

  /** The definition with one more field in an Emulator's spec. */
  function withField(name: string): object {
    const [version] = crd.spec.versions;
    const schema = z.looseObject({
      properties: z.looseObject({ spec: z.looseObject({ properties: z.looseObject({}) }) }),
    });
    const root = structuredClone(schema.parse(version.schema.openAPIV3Schema));
    root.properties.spec.properties[name] = { type: 'string' };
    return { ...crd, spec: { ...crd.spec, versions: [{ ...version, schema: { openAPIV3Schema: root } }] } };
  }

  /** The type of a field of an Emulator's spec, empty where it has none. What `kubectl explain` says comes later. */
  const typeOf = (field: string) => {
    const path = `.spec.versions[0].schema.openAPIV3Schema.properties.spec.properties.${field}.type`;
    return ground.kubectl(['get', definition, '-o', `jsonpath={${path}}`]);
  };

  test('adds a field, which the API server keeps from then on; no Emulator is touched', async () => {
    const well = ['-n', 'school', 'get', 'emulator', 'well', '-o', 'jsonpath={.metadata.resourceVersion} {.spec}'];
    const before = await ground.kubectl(well);
    expect(await applyCrds(withField('colour'))).toEqual({ code: 0, said: 'applied emulators.loco.mroie.github.io' });
    expect(await ground.kubectl(well)).toBe(before);
    const patch = ['-n', 'school', 'patch', 'emulator', 'well', '--type=merge', '-p={"spec":{"colour":"teal"}}'];
    const keeps = async () =>
      (await ground.kubectl([...patch, '-o', 'jsonpath={.spec.colour}'])) === 'teal' || undefined;
    await waitFor('the field to be kept', keeps, { seconds: 30 });
  });

  test('takes no field away, and says how it is done where it is meant', async () => {
    const { code, said } = await applyCrds(crd);
    expect(said).toContain('emulators.loco.mroie.github.io v1alpha1: spec.colour');
    expect(code).toBe(2);
    expect(await typeOf('colour')).toBe('string');
    expect(await applyCrds(crd, '--allow-removed-fields')).toMatchObject({ code: 0 });
    expect(await typeOf('colour')).toBe('');
  });

  test('may neither read nor make any other definition', async () => {
    const name = 'others.loco.mroie.github.io';
    const other = { ...crd, metadata: { name }, spec: { ...crd.spec, names: { ...crd.spec.names, plural: 'others' } } };
    const { code, said } = await applyCrds(other, '--allow-removed-fields');
    expect(said).toContain(`"${name}" is forbidden`);
    expect(code).toBe(1);
  });

  test('ends where a version would go that objects are still stored in, whatever it was told', async () => {
    const [version] = crd.spec.versions;
    const next = { ...crd, spec: { ...crd.spec, versions: [{ ...version, name: 'v1beta1' }] } };
    expect(await applyCrds(next)).toMatchObject({ code: 2, said: expect.stringContaining('v1alpha1') });
    const { code, said } = await applyCrds(next, '--allow-removed-fields');
    expect(said).toContain('storedVersions');
    expect(code).toBe(2);
  });

  test('makes it anew where somebody deleted it', async () => {
    await ground.kubectl(['delete', definition, '--timeout=60s']);
    expect(await applyCrds(crd)).toMatchObject({ code: 0 });
    expect(await ground.kubectl(['get', definition, '-o', 'jsonpath={.metadata.managedFields[0].manager}'])).toBe(
      'helm',
    );
  });
});
