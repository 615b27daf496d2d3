import { cp, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { execa } from 'execa';
import { parse, stringify } from 'yaml';
import { projectFolder } from '../../../scripts/folders.ts';

export const chartFolder = path.join(projectFolder, 'helm/loco-operator');

/** The chart as a release before this one: a lower version, and a CRD that doesn't know some of the fields yet. */
export interface PreviousChart {
  /** The packaged chart. */
  readonly package: string;
  readonly crd: string;
  remove(): Promise<void>;
}

interface Schema {
  properties?: Record<string, Schema>;
  default?: Tree;
}

interface Tree {
  [name: string]: Tree;
}

/**
 * Packages the chart as this version.
 * @param without fields that its CRD hasn't got, such as `spec.pod.priorityClassName`
 */
export async function packagePreviousChart(
  helm: string,
  version: string,
  without: readonly string[],
): Promise<PreviousChart> {
  const folder = await mkdtemp(path.join(tmpdir(), 'loco-previous-chart-'));
  const chart = path.join(folder, 'loco-operator');
  await cp(chartFolder, chart, { recursive: true });
  const crds = path.join(chart, 'crds');
  const [file = ''] = await readdir(crds);
  const crd = path.join(crds, file);
  const definition = parse(await readFile(crd, 'utf8')) as {
    spec: { versions: { schema: { openAPIV3Schema: Schema } }[] };
  };
  for (const { schema } of definition.spec.versions) {
    for (const field of without) remove(schema.openAPIV3Schema, field.split('.'));
  }
  await writeFile(crd, stringify(definition));
  await execa(helm, ['package', chart, '--destination', folder, `--version=${version}`, `--app-version=${version}`]);
  return {
    package: path.join(folder, `loco-operator-${version}.tgz`),
    crd,
    remove: () => rm(folder, { recursive: true, force: true }),
  };
}

/** Removes the field, and what its parents' defaults say of it. */
function remove(schema: Schema, [name = '', ...deeper]: readonly string[]): void {
  const { properties = {}, default: defaults = {} } = schema;
  const found = properties[name];
  if (found === undefined) throw new Error(`the CRD has no field ${name}`);
  prune(defaults, [name, ...deeper]);
  if (deeper.length === 0) delete properties[name];
  else remove(found, deeper);
}

function prune(tree: Tree, [name = '', ...deeper]: readonly string[]): void {
  const below = tree[name];
  if (deeper.length === 0) delete tree[name];
  else if (below !== undefined) prune(below, deeper);
}
